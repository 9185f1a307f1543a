"""A person with a browser: browser.py URL NAME. Follows redirects, keeps cookies, fills in each form that comes.

Prints status, address and text of the last page as JSON.
"""

import html.parser
import http.cookiejar
import json
import sys
import urllib.error
import urllib.parse
import urllib.request

FORMS_MAX = 5
url, name = sys.argv[1:]
opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))


class Form(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.action, self.fields = None, {}
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "form" and not self.action:
            self.action = attributes.get("action")
        elif tag == "input" and attributes.get("name"):
            self.fields[attributes["name"]] = attributes.get("value") or name


def load(target, fields=None):
    data = urllib.parse.urlencode(fields).encode() if fields is not None else None
    try:
        return opener.open(target, data, timeout=20)
    except urllib.error.HTTPError as error:
        return error


answer = load(url)
for _ in range(FORMS_MAX):
    text, here = answer.read().decode(), answer.geturl()
    form = Form(text)
    if not form.action:
        break
    answer = load(urllib.parse.urljoin(here, form.action), form.fields)
print(json.dumps({"status": answer.status, "url": here, "text": text}))
