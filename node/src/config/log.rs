//! `[log]`: diagnostics.

use serde::Deserialize;

/// `[log]`: what the node writes to standard error. The variable `ROOKERY_LOG` says how much: `error`,
/// `warn`, `info` (the default), `debug` or `trace`, also for parts (`node_core=debug,info`).
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(default, deny_unknown_fields)]
pub(crate) struct LogConfig {
    /// `text`: lines for people. `json`: one object a line, for programs. Default `text`.
    pub(crate) format: LogFormat,
}

/// See [`LogConfig::format`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    #[default]
    Text,
    Json,
}
