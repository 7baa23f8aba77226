//! What the collector does, for `/metrics`.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;
use traffix_telemetry::collector::{Cause, ExporterStats, Stats, Tally};

use super::{Collecting, Kept};

/// Most exporters that are told apart, by address; of the rest only sums are shown.
const MAX_EXPORTERS: usize = 64;

/// Reads the counters of the collector when somebody asks. Shows nothing unless one runs.
#[derive(Debug)]
pub(crate) struct CollectorMetrics(pub(crate) Arc<Collecting>);

impl Collector for CollectorMetrics {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Some(stats) = self.0.stats() else { return Ok(()) };
        let mut page = Page(encoder);
        page.arrived(&stats)?;
        page.counted(&stats)?;
        page.by_exporter(&stats)?;
        page.written(&stats, &self.0.kept())
    }
}

/// Name, help and value of a counter by exporter.
type Family = (&'static str, &'static str, fn(&ExporterStats) -> u64);

struct Page<'a>(DescriptorEncoder<'a>);

impl Page<'_> {
    fn counter(&mut self, name: &str, help: &str, unit: Option<&Unit>, value: u64) -> fmt::Result {
        let counter = ConstCounter::new(value);
        counter.encode(self.0.encode_descriptor(name, help, unit, counter.metric_type())?)
    }

    fn gauge(&mut self, name: &str, help: &str, unit: Option<&Unit>, value: f64) -> fmt::Result {
        let gauge = ConstGauge::new(value);
        gauge.encode(self.0.encode_descriptor(name, help, unit, gauge.metric_type())?)
    }

    fn family(
        &mut self,
        (name, help): (&str, &str),
        unit: Option<&Unit>,
        label: &'static str,
        values: impl IntoIterator<Item = (String, u64)>,
    ) -> fmt::Result {
        let kind = ConstCounter::new(0_u64).metric_type();
        let mut family = self.0.encode_descriptor(name, help, unit, kind)?;
        for (text, value) in values {
            let labels = [(label, text)];
            ConstCounter::new(value).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }

    fn tally(&mut self, name: &str, help: &str, tally: Tally) -> fmt::Result {
        self.counter(&format!("{name}_flows"), &format!("Flows {help}"), None, tally.flows)?;
        self.counter(name, &format!("Bytes {help}"), Some(&Unit::Bytes), tally.bytes)
    }

    fn arrived(&mut self, stats: &Stats) -> fmt::Result {
        self.counter("collector_datagrams", "Datagrams from routers", None, stats.datagrams)?;
        self.counter("collector_datagram", "Bytes of them", Some(&Unit::Bytes), stats.datagram_bytes)?;
        let help = "Datagrams that could not be decoded to their end";
        self.counter("collector_decode_errors", help, None, stats.decode_errors)?;
        let help = "Datagrams from addresses that may not export";
        self.counter("collector_not_accepted_datagrams", help, None, stats.not_accepted)?;
        if let Some(drops) = stats.kernel_drops {
            let help = "Datagrams that the kernel dropped because nobody read them in time";
            self.counter("collector_kernel_dropped_datagrams", help, None, drops)?;
        }
        self.counter("collector_lookups", "Addresses looked up in the prefix table", None, stats.lookups)
    }

    fn counted(&mut self, stats: &Stats) -> fmt::Result {
        self.tally("collector_decoded", "decoded, counted or left out", stats.decoded)?;
        self.tally("collector_counted", "counted", stats.counted)?;
        self.tally("collector_unattributed", "counted of no known CDN", stats.unattributed)?;
        self.tally("collector_without_link", "counted on no known link", stats.without_link)?;
        #[expect(clippy::cast_precision_loss, reason = "a share needs few digits")]
        if stats.counted.bytes > 0 {
            let share = stats.unattributed.bytes as f64 / stats.counted.bytes as f64;
            let help = "Share of counted bytes that are of no known CDN, since the start";
            self.gauge("collector_unattributed_ratio", help, None, share)?;
        }
        let causes = |of: fn(Tally) -> u64| {
            let all = Cause::ALL.into_iter().map(move |cause| (cause, of(stats.left_out(cause))));
            all.map(|(cause, n)| (cause.as_str().to_owned(), n)).collect::<Vec<_>>()
        };
        let about = ("collector_left_out_flows", "Flows left out, by cause");
        self.family(about, None, "cause", causes(|tally| tally.flows))?;
        let about = ("collector_left_out", "Bytes left out, by cause");
        self.family(about, Some(&Unit::Bytes), "cause", causes(|tally| tally.bytes))
    }

    fn by_exporter(&mut self, stats: &Stats) -> fmt::Result {
        let each = |of: fn(&ExporterStats) -> u64| {
            let all = stats.exporters.iter().enumerate();
            let mut named: Vec<(String, u64)> = Vec::new();
            let mut other = None;
            for (i, (address, exporter)) in all {
                if i < MAX_EXPORTERS {
                    named.push((address.to_string(), of(exporter)));
                } else {
                    *other.get_or_insert(0) += of(exporter);
                }
            }
            named.extend(other.map(|sum| ("other".to_owned(), sum)));
            named
        };
        let families: [Family; 4] = [
            ("collector_exporter_flows", "Flows of a router", |e| e.flows),
            (
                "collector_lost",
                "Flows, records or datagrams that never came, by gaps in sequence numbers",
                |e| e.lost,
            ),
            ("collector_template_misses", "Sets that came before their template", |e| e.template_misses),
            ("collector_given_up_sets", "Sets whose template did not come in time", |e| e.given_up),
        ];
        for (name, help, of) in families {
            self.family((name, help), None, "exporter", each(of))?;
        }
        Ok(())
    }

    fn written(&mut self, stats: &Stats, kept: &Kept) -> fmt::Result {
        self.counter("collector_batches_written", "Batches written", None, stats.batches_kept)?;
        let help = "Attempts to write a batch that failed";
        self.counter("collector_batches_failed", help, None, stats.batches_failed)?;
        #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
        let pending = stats.pending_counters as f64;
        self.gauge("collector_pending_counters", "Counters that wait to be written", None, pending)?;
        #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
        if let Some(until) = kept.until {
            let help = "End of the newest bin that was written";
            let secs = until.timestamp() as f64;
            self.gauge("collector_last_bin_timestamp", help, Some(&Unit::Seconds), secs)?;
        }
        let by_cdn = kept.bytes_by_cdn.iter().map(|(cdn, bytes)| (cdn.clone(), *bytes));
        self.family(("measured", "Bytes written, by CDN"), Some(&Unit::Bytes), "cdn", by_cdn)
    }
}
