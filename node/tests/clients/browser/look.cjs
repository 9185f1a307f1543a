// Opens pages in Debian's Chromium, headless, and says what is wrong with each: errors on the console,
// requests to other hosts, what axe finds, and what does not fit the screen. Takes pictures where told to.
//
// Runs with the install directory as working directory. Standard input: {"pages": [url, ..], "pictures": dir
// or null}; standard output: one line [{"url", "width", "scheme", "problems": [..], "text"}, ..].
'use strict'
const { createRequire } = require('node:module')
const fs = require('node:fs')
const path = require('node:path')

const load = createRequire(process.cwd() + '/')
const puppeteer = load('puppeteer-core')
const axe = fs.readFileSync(load.resolve('axe-core/axe.min.js'), 'utf8')

// Narrow as a small telephone, and wide; light and dark; with scripts and without.
const LOOKS = [
    { width: 360, height: 740, scheme: 'light', scripts: true },
    { width: 360, height: 740, scheme: 'dark', scripts: false },
    { width: 1280, height: 900, scheme: 'dark', scripts: true },
    { width: 1280, height: 900, scheme: 'light', scripts: false },
]
const WITHIN_MS = 20_000

async function look(browser, url, how, pictures) {
    const page = await browser.newPage()
    const problems = []
    const host = new URL(url).host
    page.on('console', (message) => {
        if (['error', 'warn'].includes(message.type())) problems.push(`console: ${message.text()}`)
    })
    page.on('pageerror', (error) => problems.push(`error: ${error}`))
    page.on('requestfailed', (request) => problems.push(`failed: ${request.url()}`))
    page.on('request', (request) => {
        if (new URL(request.url()).host !== host) problems.push(`elsewhere: ${request.url()}`)
    })
    await page.setViewport({ width: how.width, height: how.height })
    await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: how.scheme }])
    await page.setJavaScriptEnabled(how.scripts)
    const answer = await page.goto(url, { waitUntil: 'load', timeout: WITHIN_MS })
    if (answer.status() !== 200) problems.push(`status ${answer.status()}`)
    const seen = await page.evaluate(() => ({
        text: document.body.innerText,
        wide: document.documentElement.scrollWidth > document.documentElement.clientWidth,
        scripts: document.scripts.length,
        broken: [...document.images].filter((image) => image.complete && !image.naturalWidth).length,
    }))
    if (seen.wide) problems.push('wider than the screen')
    if (seen.scripts) problems.push('has scripts')
    if (seen.broken) problems.push(`${seen.broken} pictures are not shown`)
    if (how.scripts) {
        await page.evaluate(axe)
        const found = await page.evaluate(() => axe.run())
        for (const one of found.violations) problems.push(`axe: ${one.id}: ${one.nodes[0].html}`)
    }
    if (pictures) {
        const name = new URL(url).pathname.replace(/[^a-z_]+/gi, '-').slice(0, 40)
        await page.screenshot({ path: path.join(pictures, `page${name}-${how.width}-${how.scheme}.png`) })
    }
    await page.close()
    return { url, width: how.width, scheme: how.scheme, problems, text: seen.text }
}

async function main() {
    const { pages, pictures } = JSON.parse(fs.readFileSync(0, 'utf8'))
    const browser = await puppeteer.launch({
        executablePath: '/usr/bin/chromium',
        acceptInsecureCerts: true,
        args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
    })
    const all = []
    for (const url of pages) for (const how of LOOKS) all.push(await look(browser, url, how, pictures))
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
