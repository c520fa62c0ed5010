//! What is seen below MQTT and CoAP: frames, packets, segments, records; and the gateway's own limits.

super::seen! {
    "ethernet.stacked-tags" =>
        "81 00 or 88 a8 at byte 12 and once more at byte 16, in front of a service's packet or of a third tag";
    "ip.fragment" =>
        "IPv4: More Fragments set, or a fragment offset above 0; IPv6: a fragment header (next header 44)";
    "ip.wrong-side" =>
        "the addresses and ports of a live flow, on the port of the link where its receiver stands";
    "ip.martian" =>
        "a source in 0.0.0.0/8, 127.0.0.0/8 or 224.0.0.0/4, or 255.255.255.255, ::, ::1 or one in ff00::/8";
    "tcp.out-of-window" =>
        "a sequence number past the window that was offered, or an acknowledgement of bytes never sent";
    "tcp.old-timestamp" =>
        "option 8 (timestamps) with a TSval below that of the segment before it, on bytes that are new";
    "tcp.overlap-conflict" =>
        "sequence numbers that were sent before and aren't acknowledged yet, over other bytes";
    "tcp.blind-reset" =>
        "RST set, its sequence number in the window but not the next one that is expected";
    "tcp.blind-syn" =>
        "SYN set, with the addresses and ports of a connection whose handshake is over";
    "tcp.urgent" =>
        "bit 20 (hex) of byte 13 set, and an urgent pointer in bytes 18 and 19";
    "tcp.data-on-syn" =>
        "SYN set and bytes behind the header, mostly with option 34 (Fast Open cookie)";
    "tcp.multipath" =>
        "option 30 (hex 1e) in a TCP header; on a SYN its third byte is 0x (MP_CAPABLE) or 1x (MP_JOIN)";
    "tcp.midstream" =>
        "at the capture's beginning, segments of a connection whose SYN isn't in it";
    "tcp.no-connection" =>
        "bytes behind a header without SYN, between addresses and ports that no handshake in the capture named";
    "tcp.hold-limit" =>
        "many segments behind a missing one: their sequence numbers go on, the missing one's don't come";

    "tls.required" =>
        "a CONNECT (10) or a CoAP header (40 to 7f) on the port as it is, and no record (16 03 …, 16 fe fd …)";

    "rule.limit.count" =>
        "more messages that fit the rule's `match` than its `count`, within its `window`";
    "rule.limit.rate" =>
        "messages that fit the rule's `match` at shorter distances than its `rate`, after its `burst`";
    "rule.limit.distinct" =>
        "messages that fit the rule's `match`, with ever other values in the field its `of` names";
    "rule.limit.max" =>
        "a CONNECT, SUBSCRIBE, PUBLISH or CoAP request while as many as `max` are open";

    "limits.flow-table" =>
        "nothing odd: a SYN like others, while more connections are live than [limits] flows";
    "limits.held-bytes" =>
        "segments ahead of missing ones on many flows at once, together more than [limits] held_bytes";
    "limits.unacked-bytes" =>
        "more bytes sent and not acknowledged than [limits] unacked_bytes_per_flow on a flow, or unacked_common_bytes on all";
    "limits.endpoints" =>
        "nothing odd: a CoAP message of another address, while more are known than [limits] endpoints";
    "limits.exchanges" =>
        "nothing odd: a CoAP request, while more wait for their answers than [limits] exchanges";
    "limits.topic-aliases" =>
        "a PUBLISH with an empty topic (00 00) and property 23 (topic alias), whose topic was given earlier";
    "limits.in-flight" =>
        "nothing odd: a PUBLISH of QoS 1 or 2, while more wait for their acknowledgements than [limits] in_flight";
    "limits.clients" =>
        "nothing odd: a CONNECT of a lasting session, while more are known than [limits] clients";
    "limits.meters" =>
        "nothing odd: a message that a rule counts, while more is counted apart than [limits] meters";

    "ethernet.malformed.truncated" =>
        "fewer than 14 bytes, or fewer than 18 with the type 81 00 or 88 a8";
    "ip.malformed.truncated" =>
        "fewer bytes behind the Ethernet header than the IP header's length field says";
    "ip.malformed.version" =>
        "type 08 00 and a first nibble other than 4, or type 86 dd and one other than 6";
    "ip.malformed.header-length" =>
        "an IPv4 first byte of 40 to 44: fewer than five words of header";
    "ip.malformed.total-length" =>
        "an IPv4 total length (bytes 2 and 3) below four times the header length nibble";
    "ip.malformed.checksum" =>
        "an IPv4 header whose 16-bit words don't sum up to ff ff";
    "ip.malformed.fragment-size" =>
        "More Fragments set and a payload of 0 bytes, or of a length that eight doesn't divide";
    "ip.malformed.fragment-overrun" =>
        "a fragment offset times eight that, with the payload, passes 65,535: the ping of death";
    "ip.malformed.extension-truncated" =>
        "an IPv6 extension header whose length byte leads past the packet's end";
    "ip.malformed.extension-order" =>
        "next header 0 (hop-by-hop options) anywhere but in the IPv6 header itself";
    "ip.malformed.extension-count" =>
        "a ninth extension header in the chain of next header fields";
    "ip.malformed.source-route" =>
        "an IPv4 option that begins with 83 or 89 in hex, or an IPv6 routing header of type 0 with segments left";
    "tcp.malformed.truncated" =>
        "fewer bytes behind the IP header than 20, or than the data offset says";
    "tcp.malformed.header-length" =>
        "a data offset nibble (byte 12) below 5";
    "tcp.malformed.flags" =>
        "byte 13 without its bits 08, 20, 40 and 80 is none of 02, 12, 04, 14, 10 and 11: SYN and FIN, say, or nothing";
    "tcp.malformed.options" =>
        "an option with the length byte 0 or 1, or one that leads past the data offset";
    "tcp.malformed.checksum" =>
        "a segment that, with its pseudo header, doesn't sum up to ff ff";
    "udp.malformed.truncated" =>
        "fewer than 8 bytes behind the IP header";
    "udp.malformed.length" =>
        "a UDP length (bytes 4 and 5) other than what the IP header leaves";
    "udp.malformed.checksum" =>
        "a datagram that, with its pseudo header, doesn't sum up to ff ff; over IPv6, a checksum of 00 00";
    "tls.plaintext.mqtt" =>
        "a first byte of 10 from a client, of 20 or f0 from a server, on a port of [services] mqtts";
    "tls.malformed.content-type" =>
        "a record's first byte that is none of 14 to 18";
    "tls.malformed.version" =>
        "a record's second byte other than 03";
    "tls.malformed.length" =>
        "a record's length (bytes 3 and 4) above 48 00";
    "tls.malformed.empty" =>
        "a record with the length 00 00 whose type isn't 17 (application data)";
    "dtls.malformed.content-type" =>
        "a first byte that is none of 14 to 1a, nor 20 to 3f (unified header)";
    "dtls.malformed.version" =>
        "bytes 1 and 2 of a record that are neither fe ff nor fe fd";
    "dtls.malformed.truncated" =>
        "fewer bytes behind a record's header of 13 than its length (bytes 11 and 12) says";
    "dtls.malformed.length" =>
        "a record's length (bytes 11 and 12) above 48 00";
}
