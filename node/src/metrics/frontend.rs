//! What the frontend counts: calls by method, and how full everything is.

use std::fmt::Write as _;

use mtproto_frontend::{BUCKETS_US, Watch};

use super::Lines;

impl Lines {
    /// Calls that were, and what there is of connections.
    pub(super) fn frontend(&mut self, watch: &Watch) {
        let load = watch.load();
        self.gauge("connections", "Open connections.", load.connections);
        self.gauge("sessions", "Sessions in memory.", load.sessions);
        let help = "Key exchanges that wait for a thread.";
        self.gauge("handshakes_waiting", help, load.handshakes_waiting);
        let help = "Bytes of calls that wait for other calls.";
        self.gauge("waiting_call_bytes", help, load.waiting_call_bytes);
        let outcomes = load.handshakes.into_iter();
        let outcomes = outcomes.map(|(name, count)| (format!("outcome=\"{name}\""), count));
        let help = "Key exchanges by how they ended.";
        self.labelled("counter", "handshakes_total", help, outcomes);
        self.calls(watch);
    }

    /// A histogram for each method that was called, and how the calls ended.
    ///
    /// Source: <https://prometheus.io/docs/instrumenting/exposition_formats/#histograms-and-summaries>
    fn calls(&mut self, watch: &Watch) {
        let calls: Vec<_> = watch.calls().collect();
        let outcomes = calls.iter().flat_map(|calls| {
            calls.outcomes.iter().map(|(outcome, count)| {
                (format!("method=\"{}\",outcome=\"{outcome}\"", calls.method), *count)
            })
        });
        self.labelled("counter", "rpc_total", "Calls by how they ended.", outcomes);
        let name = "rookery_rpc_duration_seconds";
        // Writing into a string does not fail.
        let _ = write!(
            self.0,
            "# HELP {name} From the arrival of a call to its answer.\n# TYPE {name} histogram\n"
        );
        for call in &calls {
            let method = call.method;
            let bounds = BUCKETS_US.iter().map(|bound| seconds(*bound)).chain(["+Inf".into()]);
            for (bound, count) in bounds.zip(call.at_most) {
                let _ =
                    writeln!(self.0, "{name}_bucket{{method=\"{method}\",le=\"{bound}\"}} {count}");
            }
            let count = call.at_most.last().copied().unwrap_or(0);
            let sum = seconds(call.sum_us);
            let _ = writeln!(self.0, "{name}_sum{{method=\"{method}\"}} {sum}");
            let _ = writeln!(self.0, "{name}_count{{method=\"{method}\"}} {count}");
        }
    }
}

/// Microseconds, as seconds are written.
fn seconds(us: u64) -> String {
    let text = format!("{}.{:06}", us / 1_000_000, us % 1_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn microseconds_are_written_as_seconds() {
        let written = [0, 250, 2_500, 1_000_000, 10_000_000, 61_000_001].map(seconds);
        assert_eq!(written, ["0", "0.00025", "0.0025", "1", "10", "61.000001"]);
    }
}
