// Goes from a node's first page to its web client in Debian's Chromium, headless, logs in there, and opens
// the client again.
//
// Runs with the install directory as working directory. Standard input: {"home", "number", "code", "name"};
// standard output: one line {"url", "first", "again", "problems": [..]}.
'use strict'
const { createRequire } = require('node:module')
const fs = require('node:fs')

const load = createRequire(process.cwd() + '/')
const puppeteer = load('puppeteer-core')
const WITHIN_MS = 30_000

// What the client says once it is where it wants to be.
async function state(page, wanted) {
    const said = (text) => {
        const now = document.getElementById('state')?.textContent ?? ''
        return (now.startsWith(text) || now.startsWith('Failed')) && now
    }
    return (await page.waitForFunction(said, { timeout: WITHIN_MS }, wanted)).jsonValue()
}

async function main() {
    const { home, number, code, name } = JSON.parse(fs.readFileSync(0, 'utf8'))
    const browser = await puppeteer.launch({
        executablePath: '/usr/bin/chromium',
        args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
    })
    const page = await browser.newPage()
    const problems = []
    page.on('console', (message) => {
        if (['error', 'warn'].includes(message.type())) problems.push(`console: ${message.text()}`)
    })
    page.on('pageerror', (error) => problems.push(`error: ${error}`))
    page.on('request', (request) => {
        const { host, protocol } = new URL(request.url())
        if (protocol.startsWith('http') && host !== new URL(home).host) problems.push(`elsewhere: ${request.url()}`)
    })
    await page.goto(home, { waitUntil: 'load', timeout: WITHIN_MS })
    await Promise.all([page.waitForNavigation({ timeout: WITHIN_MS }), page.click('a[href="/web/"]')])
    const url = page.url()
    const ready = await state(page, 'Ready')
    if (ready !== 'Ready') throw new Error(`${ready}: ${problems}`)
    for (const [field, text] of Object.entries({ number, code, name })) await page.type(`#${field}`, text)
    await page.click('button')
    const first = await state(page, 'Logged in')
    await page.reload({ waitUntil: 'load', timeout: WITHIN_MS })
    const again = await state(page, 'Logged in')
    await browser.close()
    console.log(JSON.stringify({ url, first, again, problems }))
}

main().then(
    () => process.exit(0),
    (error) => {
        console.error(error)
        process.exit(1)
    },
)
