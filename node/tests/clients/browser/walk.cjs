// One person with one browser, step by step, in Debian's Chromium: for what look.cjs would do four times.
//
// Runs with the install directory as working directory. Standard input: {"width", "cookies": [cookie, ..],
// "url", "steps": [step, ..]}, with steps as in look.cjs and {"forge": [address, fields]}: a page of no site
// that sends a form there. Standard output: {"url", "status", "text", "wide", "cookies": [cookie, ..], "found":
// {id: text}}, of where the last step led.
'use strict'
const { createRequire } = require('node:module')
const fs = require('node:fs')

const puppeteer = createRequire(process.cwd() + '/')('puppeteer-core')
const WITHIN_MS = 20_000

async function lead(page, act) {
    const [led] = await Promise.all([page.waitForNavigation({ timeout: WITHIN_MS }), act()])
    return led
}

async function take(page, step) {
    if (step.type) return page.type(...step.type)
    if (step.click) return page.click(step.click)
    if (step.go) return page.goto(step.go, { timeout: WITHIN_MS })
    if (step.forge) {
        const [address, fields] = step.forge
        const inputs = Object.entries(fields).map(([name, value]) => `<input name="${name}" value="${value}">`)
        await page.goto('data:text/html,<p>another site')
        await page.setContent(`<form method="post" action="${address}">${inputs.join('')}<button>x</button></form>`)
        return lead(page, () => page.click('button'))
    }
    return lead(page, () => page.click(step.submit))
}

async function main() {
    const { url, width = 360, cookies = [], steps = [] } = JSON.parse(fs.readFileSync(0, 'utf8'))
    const browser = await puppeteer.launch({
        executablePath: '/usr/bin/chromium',
        acceptInsecureCerts: true,
        args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
    })
    const context = await browser.createBrowserContext()
    for (const cookie of cookies) await context.setCookie(cookie)
    const page = await context.newPage()
    await page.setViewport({ width, height: 740 })
    await page.setJavaScriptEnabled(false)
    let answer = await page.goto(url, { timeout: WITHIN_MS })
    for (const step of steps) answer = (await take(page, step)) ?? answer
    const seen = await page.evaluate(() => ({
        text: document.body.innerText,
        wide: document.documentElement.scrollWidth > document.documentElement.clientWidth,
        found: Object.fromEntries([...document.querySelectorAll('[id]')].map((one) => [one.id, one.innerText])),
    }))
    const kept = await context.cookies()
    await browser.close()
    console.log(JSON.stringify({ url: page.url(), status: answer.status(), cookies: kept, ...seen }))
}

main().then(
    () => process.exit(0),
    (error) => {
        console.error(error)
        process.exit(1)
    },
)
