//! Flows that have to be heard of by a certain time.

use policy::Endpoints;

use crate::context::{Carrier, Context};
use crate::dispatch::TCP;
use crate::flow::Tenant;
use crate::inspector::Installed;
use crate::tcp::Connection;
use crate::{Inspector, Instant, Port, Sink};

/// Deadlines looked at in one call.
const WORK_PER_CALL: usize = 64;

impl Inspector {
    /// Sees to the flows whose deadline has come: a bounded number of them.
    pub(crate) fn handle_deadlines<S: Sink>(
        &self,
        now: Instant,
        installed: &Installed,
        sink: &mut S,
    ) {
        for _ in 0..WORK_PER_CALL {
            let Some(flow) = self.flows.pop_due(now) else {
                return;
            };
            self.handle_deadline(now, installed, sink, flow);
        }
    }

    /// A deadline is set by what was last heard when it was set: it may have moved since.
    fn handle_deadline<S: Sink>(
        &self,
        now: Instant,
        installed: &Installed,
        sink: &mut S,
        mut flow: Tenant<'_, Connection>,
    ) {
        let key = *flow.key();
        let port = Port {
            link: key.link(),
            side: flow.client_side,
        };
        let mut cx = Context {
            now,
            older_until: self.flows.older.until(),
            port,
            policy: &installed.policy,
            generation: installed.generation,
            limits: &self.limits,
            flow_id_key: &self.flow_id_key,
            metering: &self.metering,
            wall: &self.wall,
            holdings: &self.holdings,
            sink,
        };
        if self.has_lost_sight_since(flow.state.heard()) {
            flow.state.excuse(now);
        }
        if flow.state.deadline(&self.limits) <= now {
            let ends = ends_from_client(&flow);
            let service = flow.service;
            let carrier = Carrier { protocol: TCP };
            flow.state
                .expire(&mut cx, &self.shared, (carrier, service, &ends));
            if flow.state.class().is_over() {
                flow.last_seen = now;
            }
        }
        self.settle(&mut cx, flow, true);
    }
}

/// The ends of a flow as those of a frame from its client.
fn ends_from_client(flow: &Tenant<'_, Connection>) -> Endpoints {
    let [low, high] = flow.key().ends();
    let (client, server) = match flow.client_is_low {
        true => (low, high),
        false => (high, low),
    };
    Endpoints {
        source: client.0,
        source_port: client.1,
        destination: server.0,
        destination_port: server.1,
        from: flow.client_side,
        vlan: flow.key().vlan(),
    }
}
