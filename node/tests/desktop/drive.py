"""Drives Telegram Desktop from the welcome screen to the field for the login code."""

import window

window.run(lambda args, screen: screen.to_code_field(args.program, args.phone), within_s=300)
