//! What the gateway says about an attack that it has stopped: an event and a metric, or just a metric.

use std::time::Duration;

use serde_json::Value;

use crate::netns::Result;
use crate::netns::peers::Gateway;

/// From an attack to the event's line in the file.
const PATIENCE: Duration = Duration::from_secs(2);

/// How the gateway explains itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Explanation {
    /// By an event with one of these reason codes and a rule, and the reason's counter.
    Reason(&'static [&'static str]),
    /// By the counter of frames that the XDP program drops because their source is banned: there are
    /// no events of what the kernel does by itself.
    Ban,
}

/// An attack under observation.
#[derive(Debug)]
pub struct Watch<'g, 't> {
    explanation: Explanation,
    gateway: &'g Gateway<'t>,
    events_before: usize,
    counted_before: f64,
}

impl Explanation {
    /// Begins to watch the gateway, before the attack.
    ///
    /// # Errors
    /// When events or metrics can't be read.
    pub fn watch<'g, 't>(self, gateway: &'g Gateway<'t>) -> Result<Watch<'g, 't>> {
        Ok(Watch {
            explanation: self,
            gateway,
            events_before: gateway.events()?.len(),
            counted_before: self.counted(gateway)?,
        })
    }

    fn counted(self, gateway: &Gateway<'_>) -> Result<f64> {
        let metrics = gateway.metrics()?;
        Ok(match self {
            Self::Reason(reasons) => reasons
                .iter()
                .map(|reason| metrics.sum("weir_reasons_total", &[("reason", reason)]))
                .sum(),
            Self::Ban => metrics.sum("weir_xdp_frames_total", &[("outcome", "banned")]),
        })
    }

    fn is_given_by(self, event: &Value) -> bool {
        let Self::Reason(reasons) = self else {
            return false;
        };
        let weir = &event["weir"];
        let reason = weir["reason"].as_str();
        reason.is_some_and(|reason| reasons.contains(&reason)) && weir["rule"].is_string()
    }
}

impl Watch<'_, '_> {
    /// After the attack: what the gateway says about it, in a few words; None if an event or a metric
    /// is missing.
    ///
    /// # Errors
    /// When events or metrics can't be read.
    pub fn explanation(&self) -> Result<Option<String>> {
        let explained = match self.explanation {
            Explanation::Reason(_) => {
                let wanted = |event: &Value| self.explanation.is_given_by(event);
                let event = self
                    .gateway
                    .event_after(self.events_before, PATIENCE, wanted)?;
                event.map(|event| words(&event["weir"]))
            }
            Explanation::Ban => Some("its source is banned: dropped by the XDP program".into()),
        };
        let counted = self.explanation.counted(self.gateway)? > self.counted_before;
        Ok(explained.filter(|_| counted))
    }
}

/// Reason and rule of an event that has both.
fn words(weir: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    format!("{} · {}", text(&weir["reason"]), text(&weir["rule"]))
}
