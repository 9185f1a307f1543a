// Opens pages in Debian's Chromium, headless, and says what is wrong with each: errors on the console,
// requests to other hosts, what axe finds, and what does not fit the screen. Takes pictures where told to.
//
// Runs with the install directory as working directory. Standard input: {"pages": [page, ..], "pictures": dir
// or null}, where a page is an address or what `support/browser.rs` describes; standard output: one line
// [{"url", "name", "width", "scheme", "status", "problems": [..], "text"}, ..].
'use strict'
const { createRequire } = require('node:module')
const fs = require('node:fs')
const path = require('node:path')

const load = createRequire(process.cwd() + '/')
const puppeteer = load('puppeteer-core')
const axe = fs.readFileSync(load.resolve('axe-core/axe.min.js'), 'utf8')

// Narrow as a small telephone, and wide; light and dark; as browsers are, and without scripts.
const LOOKS = [
    { width: 360, height: 740, scheme: 'light', scripts: true },
    { width: 360, height: 740, scheme: 'dark', scripts: false },
    { width: 1280, height: 900, scheme: 'dark', scripts: true },
    { width: 1280, height: 900, scheme: 'light', scripts: false },
]
const WITHIN_MS = 20_000

async function take(page, step) {
    if (step.type) return page.type(...step.type)
    if (step.click) return page.click(step.click)
    const [led] = await Promise.all([page.waitForNavigation({ timeout: WITHIN_MS }), page.click(step.submit)])
    return led
}

async function look(browser, wanted, how, pictures) {
    // A context of its own: no look leaves a cookie for the next.
    const context = await browser.createBrowserContext()
    const page = await context.newPage()
    const problems = []
    const { url, status = 200, steps = [], cookies = [] } = wanted
    const { host } = new URL(url)
    const complaints = []
    page.on('console', (message) => {
        if (['error', 'warn'].includes(message.type())) complaints.push([message.text(), message.location().url])
    })
    page.on('pageerror', (error) => problems.push(`error: ${error}`))
    page.on('requestfailed', (request) => problems.push(`failed: ${request.url()}`))
    page.on('request', (request) => {
        if (new URL(request.url()).host !== host) problems.push(`elsewhere: ${request.url()}`)
    })
    await page.setViewport({ width: how.width, height: how.height })
    await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: how.scheme }])
    await page.setJavaScriptEnabled(how.scripts || Boolean(wanted.scripts))
    for (const cookie of cookies) await context.setCookie({ domain: new URL(url).hostname, path: '/', ...cookie })
    let answer = await page.goto(url, { waitUntil: 'load', timeout: WITHIN_MS })
    for (const step of steps) {
        answer = (await take(page, step)) ?? answer
    }
    for (const [text, of] of complaints) {
        // Chromium also complains of the status of the page itself, which is looked at next.
        const isStatus = text.startsWith('Failed to load resource') && of === answer.url()
        if (!isStatus) problems.push(`console: ${text}`)
    }
    if (answer.status() !== status) problems.push(`status ${answer.status()}`)
    const seen = await page.evaluate(() => ({
        text: document.body.innerText,
        wide: document.documentElement.scrollWidth > document.documentElement.clientWidth,
        scripts: document.scripts.length,
        broken: [...document.images].filter((image) => image.complete && !image.naturalWidth).length,
    }))
    if (seen.wide) problems.push('wider than the screen')
    if (seen.scripts && !wanted.scripts) problems.push('has scripts')
    if (seen.broken) problems.push(`${seen.broken} pictures are not shown`)
    // What is injected by the debugger runs where the page's own scripts do not.
    await page.setJavaScriptEnabled(true)
    await page.evaluate(axe)
    const found = await page.evaluate(() => axe.run())
    for (const one of found.violations) problems.push(`axe: ${one.id}: ${one.nodes[0].html}`)
    const name = wanted.name ?? 'page' + new URL(url).pathname.replace(/[^a-z_]+/gi, '-').slice(0, 40)
    if (pictures) {
        const file = path.join(pictures, `${name}-${how.width}-${how.scheme}.png`)
        await page.screenshot({ path: file, fullPage: Boolean(wanted.whole) })
    }
    await context.close()
    const { width, scheme } = how
    return { url, name, width, scheme, status: answer.status(), problems, text: seen.text }
}

async function main() {
    const { pages, pictures } = JSON.parse(fs.readFileSync(0, 'utf8'))
    const browser = await puppeteer.launch({
        executablePath: '/usr/bin/chromium',
        acceptInsecureCerts: true,
        args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
    })
    const all = []
    for (const given of pages) {
        const wanted = typeof given === 'string' ? { url: given } : given
        for (const how of LOOKS) all.push(await look(browser, wanted, how, pictures))
    }
    await browser.close()
    // All of it: `process.exit` drops what the pipe has not taken yet.
    await new Promise((taken) => process.stdout.write(JSON.stringify(all) + '\n', taken))
}

main().then(
    () => process.exit(0),
    (error) => {
        console.error(error)
        process.exit(1)
    },
)
