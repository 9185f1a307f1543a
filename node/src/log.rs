//! Diagnostics, on standard error: standard output carries the ready line only.
//!
//! `ROOKERY_LOG` says what is logged, for example `info` (the default), `debug`, or
//! `mtproto_frontend=debug,info`. What is logged about a call has its `trace`, from the packet's arrival to
//! the store: at `debug` one can follow it, and a failure has it at any level.

use std::io::{IsTerminal as _, stderr};

use tracing_subscriber::EnvFilter;

use crate::config::{LogConfig, LogFormat};

/// From now on what happens is logged.
pub(crate) fn init(config: &LogConfig) {
    let filter = EnvFilter::try_from_env("ROOKERY_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr);
    match config.format {
        LogFormat::Text => lines.with_ansi(stderr().is_terminal()).init(),
        // The innermost span is the call.
        LogFormat::Json => lines.json().flatten_event(true).with_span_list(false).init(),
    }
}
