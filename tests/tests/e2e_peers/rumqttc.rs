//! rumqttc at work, in this process: the thread stands in the devices' namespace, and so do the
//! sockets it opens.

use std::collections::VecDeque;
use std::fmt::Debug;
use std::net::IpAddr;
use std::time::Duration;

use rumqttc::{QoS, v5};

const PATIENCE: Duration = Duration::from_secs(20);
const PORT: u16 = 1883;
const EVERY_QOS: [QoS; 3] = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];
/// No more under way at a time than the broker has in mind for one client.
const IN_FLIGHT: u16 = 15;

/// The shortest keep-alive interval that the library takes.
const SHORTEST: Duration = Duration::from_secs(5);

/// How a client connects.
#[derive(Debug, Clone)]
struct Options {
    server: IpAddr,
    name: String,
    clean: bool,
    keep_alive: Duration,
    will: Option<String>,
}

/// What the library tells, as far as it matters here.
#[derive(Debug, PartialEq)]
enum Seen {
    Connected {
        session_present: bool,
    },
    Message {
        payload: Vec<u8>,
        exactly_once: bool,
    },
    /// The broker has released a message of QoS 2.
    Released,
    Subscribed,
    Published,
    Other,
}

/// The library's two halves, one for each version of the protocol, seen alike.
trait Client: Sized {
    const NAME: &str;

    fn new(options: &Options) -> Self;
    async fn subscribe(&self, topic: &str, qos: QoS) -> Result<(), String>;
    async fn publish(
        &self,
        topic: &str,
        qos: QoS,
        retain: bool,
        payload: &[u8],
    ) -> Result<(), String>;
    async fn disconnect(&self) -> Result<(), String>;
    /// Works on until there is something to tell.
    async fn poll(&mut self) -> Result<Seen, String>;
}

struct V311 {
    client: rumqttc::AsyncClient,
    events: rumqttc::EventLoop,
}

impl Client for V311 {
    const NAME: &str = "3.1.1";

    fn new(options: &Options) -> Self {
        let mut given = rumqttc::MqttOptions::new(&options.name, options.server.to_string(), PORT);
        given.set_clean_session(options.clean);
        given.set_keep_alive(options.keep_alive);
        given.set_inflight(IN_FLIGHT);
        given.set_max_packet_size(2 << 20, 2 << 20);
        if let Some(topic) = &options.will {
            given.set_last_will(rumqttc::LastWill::new(
                topic,
                "gone",
                QoS::AtLeastOnce,
                false,
            ));
        }
        let (client, events) = rumqttc::AsyncClient::new(given, 10);
        Self { client, events }
    }

    async fn subscribe(&self, topic: &str, qos: QoS) -> Result<(), String> {
        self.client.subscribe(topic, qos).await.map_err(shown)
    }

    async fn publish(
        &self,
        topic: &str,
        qos: QoS,
        retain: bool,
        payload: &[u8],
    ) -> Result<(), String> {
        self.client
            .publish(topic, qos, retain, payload)
            .await
            .map_err(shown)
    }

    async fn disconnect(&self) -> Result<(), String> {
        self.client.disconnect().await.map_err(shown)
    }

    async fn poll(&mut self) -> Result<Seen, String> {
        use rumqttc::{Event, Packet};
        Ok(match self.events.poll().await.map_err(shown)? {
            Event::Incoming(Packet::ConnAck(ack)) => Seen::Connected {
                session_present: ack.session_present,
            },
            Event::Incoming(Packet::Publish(publish)) => Seen::Message {
                exactly_once: publish.qos as u8 == 2,
                payload: publish.payload.to_vec(),
            },
            Event::Incoming(Packet::PubRel(_)) => Seen::Released,
            Event::Incoming(Packet::SubAck(_)) => Seen::Subscribed,
            Event::Incoming(Packet::PubAck(_) | Packet::PubComp(_)) => Seen::Published,
            _ => Seen::Other,
        })
    }
}

struct V5 {
    client: v5::AsyncClient,
    events: v5::EventLoop,
}

fn qos5(qos: QoS) -> v5::mqttbytes::QoS {
    match qos {
        QoS::AtMostOnce => v5::mqttbytes::QoS::AtMostOnce,
        QoS::AtLeastOnce => v5::mqttbytes::QoS::AtLeastOnce,
        QoS::ExactlyOnce => v5::mqttbytes::QoS::ExactlyOnce,
    }
}

impl Client for V5 {
    const NAME: &str = "5.0";

    fn new(options: &Options) -> Self {
        let mut given = v5::MqttOptions::new(&options.name, options.server.to_string(), PORT);
        given.set_clean_start(options.clean);
        given.set_keep_alive(options.keep_alive);
        given.set_outgoing_inflight_upper_limit(IN_FLIGHT);
        given.set_max_packet_size(Some(2 << 20));
        given.set_session_expiry_interval(Some(300));
        given.set_topic_alias_max(Some(4));
        given.set_user_properties(vec![("made-by".into(), "Weir".into())]);
        if let Some(topic) = &options.will {
            let qos = v5::mqttbytes::QoS::AtLeastOnce;
            given.set_last_will(v5::mqttbytes::v5::LastWill::new(
                topic, "gone", qos, false, None,
            ));
        }
        let (client, events) = v5::AsyncClient::new(given, 10);
        Self { client, events }
    }

    async fn subscribe(&self, topic: &str, qos: QoS) -> Result<(), String> {
        self.client.subscribe(topic, qos5(qos)).await.map_err(shown)
    }

    async fn publish(
        &self,
        topic: &str,
        qos: QoS,
        retain: bool,
        payload: &[u8],
    ) -> Result<(), String> {
        let payload = payload.to_vec();
        self.client
            .publish(topic, qos5(qos), retain, payload)
            .await
            .map_err(shown)
    }

    async fn disconnect(&self) -> Result<(), String> {
        self.client.disconnect().await.map_err(shown)
    }

    async fn poll(&mut self) -> Result<Seen, String> {
        use v5::Event;
        use v5::mqttbytes::v5::Packet;
        Ok(match self.events.poll().await.map_err(shown)? {
            Event::Incoming(Packet::ConnAck(ack)) => Seen::Connected {
                session_present: ack.session_present,
            },
            Event::Incoming(Packet::Publish(publish)) => Seen::Message {
                exactly_once: publish.qos as u8 == 2,
                payload: publish.payload.to_vec(),
            },
            Event::Incoming(Packet::PubRel(_)) => Seen::Released,
            Event::Incoming(Packet::SubAck(_)) => Seen::Subscribed,
            Event::Incoming(Packet::PubAck(_) | Packet::PubComp(_)) => Seen::Published,
            _ => Seen::Other,
        })
    }
}

fn shown(error: impl Debug) -> String {
    format!("{error:?}")
}

/// A connected client, and the messages that came while it waited for something else.
struct Device<C> {
    client: C,
    messages: VecDeque<Vec<u8>>,
    /// Messages of QoS 2 that the broker hasn't released yet.
    unreleased: usize,
    session_present: bool,
}

impl<C: Client> Device<C> {
    async fn connect(options: &Options) -> Result<Self, String> {
        let mut device = Self {
            client: C::new(options),
            messages: VecDeque::new(),
            unreleased: 0,
            session_present: false,
        };
        device
            .until(|seen| matches!(seen, Seen::Connected { .. }))
            .await?;
        Ok(device)
    }

    /// Works on until `wanted` is seen. An error of the connection is the test's end: it may not break.
    async fn until(&mut self, wanted: impl Fn(&Seen) -> bool) -> Result<(), String> {
        let work = async {
            loop {
                let seen = self.client.poll().await?;
                if let Seen::Connected { session_present } = seen {
                    self.session_present = session_present;
                }
                let found = wanted(&seen);
                match seen {
                    Seen::Message {
                        payload,
                        exactly_once,
                    } => {
                        self.messages.push_back(payload);
                        self.unreleased += usize::from(exactly_once);
                    }
                    Seen::Released => self.unreleased = self.unreleased.saturating_sub(1),
                    _ => {}
                }
                if found {
                    return Ok(());
                }
            }
        };
        let outcome = tokio::time::timeout(PATIENCE, work).await;
        outcome.map_err(|_| format!("nothing within {PATIENCE:?}"))?
    }

    async fn subscribe(&mut self, topic: &str, qos: QoS) -> Result<(), String> {
        self.client.subscribe(topic, qos).await?;
        self.until(|seen| *seen == Seen::Subscribed).await
    }

    async fn publish(
        &mut self,
        topic: &str,
        qos: QoS,
        retain: bool,
        payload: &[u8],
    ) -> Result<(), String> {
        self.client.publish(topic, qos, retain, payload).await?;
        match qos {
            QoS::AtMostOnce => Ok(()),
            _ => self.until(|seen| *seen == Seen::Published).await,
        }
    }

    async fn take(&mut self) -> Result<Vec<u8>, String> {
        while self.messages.is_empty() {
            self.until(|seen| matches!(seen, Seen::Message { .. }))
                .await?;
        }
        self.messages.pop_front().ok_or_else(|| "no message".into())
    }

    /// Takes leave once nothing is under way: the library would go on acknowledging after its DISCONNECT,
    /// which [MQTT-3.14.4-2] forbids and Weir stops.
    async fn leave(mut self) -> Result<(), String> {
        while self.unreleased > 0 {
            self.until(|seen| *seen == Seen::Released).await?;
        }
        self.client.disconnect().await?;
        // The library says by an error that the broker has hung up on its DISCONNECT.
        while self.client.poll().await.is_ok() {}
        Ok(())
    }
}

/// All of it, with 3.1.1 and 5.0. Returns how many messages arrived.
pub(crate) fn work(server: IpAddr) -> Result<usize, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(shown)?;
    runtime
        .block_on(async { Ok(scenarios::<V311>(server).await? + scenarios::<V5>(server).await?) })
}

async fn scenarios<C: Client>(server: IpAddr) -> Result<usize, String> {
    let options = |name: &str| Options {
        server,
        name: format!("rumqttc-{}-{name}", C::NAME),
        clean: true,
        keep_alive: Duration::from_secs(60),
        will: None,
    };
    let topic = |name: &str| format!("rumqttc/{}/{name}", C::NAME);
    let arrived = every_qos_both_ways::<C>(&options("qos"), &topic("qos")).await?
        + retained::<C>(&options("retained"), &topic("retained")).await?
        + will::<C>(&options("will"), &topic("will")).await?
        + session_resumes::<C>(&options("sleeper"), &topic("sleep")).await?
        + large_payload::<C>(&options("large"), &topic("large")).await?
        + idle_connection_is_kept::<C>(&options("idle"), &topic("idle")).await?
        + many_short_connections::<C>(&options("short"), &topic("short")).await?;
    Ok(arrived)
}

async fn every_qos_both_ways<C: Client>(options: &Options, topic: &str) -> Result<usize, String> {
    const EACH: usize = 100;
    let mut device = Device::<C>::connect(options).await?;
    for qos in EVERY_QOS {
        device.subscribe(&format!("{topic}/{qos:?}"), qos).await?;
        for number in 0..EACH {
            let payload = format!("reading {number}");
            device
                .publish(&format!("{topic}/{qos:?}"), qos, false, payload.as_bytes())
                .await?;
            expect(&device.take().await?, payload.as_bytes())?;
        }
    }
    device.leave().await?;
    Ok(EVERY_QOS.len() * EACH)
}

async fn retained<C: Client>(options: &Options, topic: &str) -> Result<usize, String> {
    let mut device = Device::<C>::connect(options).await?;
    device.publish(topic, QoS::AtLeastOnce, true, b"on").await?;
    device.subscribe(topic, QoS::AtLeastOnce).await?;
    expect(&device.take().await?, b"on")?;
    device.publish(topic, QoS::AtLeastOnce, true, b"").await?;
    expect(&device.take().await?, b"")?;
    device.leave().await?;
    Ok(2)
}

async fn will<C: Client>(options: &Options, topic: &str) -> Result<usize, String> {
    let mut heir = Device::<C>::connect(options).await?;
    heir.subscribe(topic, QoS::AtLeastOnce).await?;
    let testator = Options {
        name: format!("{}-testator", options.name),
        will: Some(topic.to_owned()),
        ..options.clone()
    };
    // Its connection ends without a DISCONNECT.
    drop(Device::<C>::connect(&testator).await?);
    // A will of 5.0 comes at once too: it has no delay interval.
    expect(&heir.take().await?, b"gone")?;
    heir.leave().await?;
    Ok(1)
}

async fn session_resumes<C: Client>(options: &Options, topic: &str) -> Result<usize, String> {
    const WAITING: usize = 15;
    let kept = Options {
        clean: false,
        ..options.clone()
    };
    let mut sleeper = Device::<C>::connect(&kept).await?;
    sleeper.subscribe(topic, QoS::ExactlyOnce).await?;
    sleeper.leave().await?;
    let other = Options {
        name: format!("{}-waker", options.name),
        ..options.clone()
    };
    let mut waker = Device::<C>::connect(&other).await?;
    for number in 0..WAITING {
        waker
            .publish(
                topic,
                QoS::ExactlyOnce,
                false,
                number.to_string().as_bytes(),
            )
            .await?;
    }
    waker.leave().await?;
    let mut sleeper = Device::<C>::connect(&kept).await?;
    if !sleeper.session_present {
        return Err("the session is gone".into());
    }
    for number in 0..WAITING {
        expect(&sleeper.take().await?, number.to_string().as_bytes())?;
    }
    sleeper.leave().await?;
    Device::<C>::connect(options).await?.leave().await?;
    Ok(WAITING)
}

async fn large_payload<C: Client>(options: &Options, topic: &str) -> Result<usize, String> {
    let payload: Vec<u8> = (0..1_usize << 20).map(|at| (at % 251) as u8).collect();
    let mut device = Device::<C>::connect(options).await?;
    device.subscribe(topic, QoS::ExactlyOnce).await?;
    for qos in EVERY_QOS {
        device.publish(topic, qos, false, &payload).await?;
        if device.take().await? != payload {
            return Err(format!("not the payload that was sent with {qos:?}"));
        }
    }
    device.leave().await?;
    Ok(EVERY_QOS.len())
}

async fn idle_connection_is_kept<C: Client>(
    options: &Options,
    topic: &str,
) -> Result<usize, String> {
    let pinging = Options {
        keep_alive: SHORTEST,
        ..options.clone()
    };
    let mut device = Device::<C>::connect(&pinging).await?;
    let idle = async { while device.client.poll().await.is_ok() {} };
    if tokio::time::timeout(SHORTEST * 2, idle).await.is_ok() {
        return Err("the idle connection broke".into());
    }
    device.subscribe(topic, QoS::AtLeastOnce).await?;
    device
        .publish(topic, QoS::AtLeastOnce, false, b"still here")
        .await?;
    expect(&device.take().await?, b"still here")?;
    device.leave().await?;
    Ok(1)
}

async fn many_short_connections<C: Client>(
    options: &Options,
    topic: &str,
) -> Result<usize, String> {
    const MANY: usize = 60;
    let mut counter = Device::<C>::connect(options).await?;
    counter.subscribe(topic, QoS::AtLeastOnce).await?;
    for number in 0..MANY {
        let short = Options {
            name: format!("{}-{}", options.name, number % 7),
            ..options.clone()
        };
        let mut device = Device::<C>::connect(&short).await?;
        device.publish(topic, QoS::AtLeastOnce, false, b"x").await?;
        device.leave().await?;
        expect(&counter.take().await?, b"x")?;
    }
    counter.leave().await?;
    Ok(MANY)
}

fn expect(payload: &[u8], expected: &[u8]) -> Result<(), String> {
    match payload == expected {
        true => Ok(()),
        false => Err(format!(
            "{:?} came instead of {:?}",
            String::from_utf8_lossy(payload),
            String::from_utf8_lossy(expected)
        )),
    }
}
