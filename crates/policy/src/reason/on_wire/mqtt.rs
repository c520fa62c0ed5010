//! What is seen of MQTT. The first byte of a control packet holds its type and flags, the remaining length follows.

super::seen! {
    "mqtt.spoofed.server-packet" =>
        "towards the server, a packet that begins with 20, 90, b0 or d0: CONNACK, SUBACK, UNSUBACK, PINGRESP";
    "mqtt.spoofed.client-packet" =>
        "towards the client, a packet that begins with 10, 82, a2 or c0: CONNECT, SUBSCRIBE, UNSUBSCRIBE, PINGREQ";
    "mqtt.session.first-not-connect" =>
        "the first byte a client sends is that of a control packet, and not 10";
    "mqtt.session.second-connect" =>
        "towards the server, 10 … 00 04 4d 51 54 54 once more, after the first";
    "mqtt.session.connack-unexpected" =>
        "towards the client, 20 02 or 20 and more, with no CONNECT before it or one answered already";
    "mqtt.session.server-first" =>
        "towards the client, a packet that begins with neither 20 nor f0, before the CONNACK";
    "mqtt.session.after-refusal" =>
        "towards the client, another packet behind a CONNACK whose second byte of content isn't 00";
    "mqtt.session.after-disconnect" =>
        "more bytes from the same end, behind a packet that begins with e0";
    "mqtt.session.present" =>
        "20 02 01 00 (session present) for a CONNECT whose flags have bit 02 (clean session, clean start) set";
    "mqtt.session.client-id-assigned" =>
        "property 12 (assigned client identifier) in the CONNACK for a CONNECT whose identifier isn't 00 00";
    "mqtt.session.client-id-missing" =>
        "no property 12, or 12 00 00, in a CONNACK of 5.0 with the code 00, for a CONNECT whose identifier is 00 00";
    "mqtt.session.not-subscribed" =>
        "towards the client, a PUBLISH whose topic none of its SUBSCRIBEs' filters matches";
    "mqtt.session.qos-not-asked" =>
        "towards the client, 32 or 34 for a PUBLISH, after SUBSCRIBEs whose options all end in a smaller QoS, or SUBACKs that grant a smaller one";
    "mqtt.session.retain-not-asked" =>
        "towards the client, 31, 33 or 35 for a PUBLISH, after SUBSCRIBEs whose options all have bit 20, and not bit 08";
    "mqtt.session.granted-above-asked" =>
        "in a SUBACK, 01 or 02 for a filter whose options ended in a smaller QoS";
    "mqtt.session.subscription-id-not-given" =>
        "towards the client, property 0b with a number that was in none of its SUBSCRIBEs";
    "mqtt.session.still-shared" =>
        "a2 and a filter that SUBSCRIBEs of the session had both with $share/GROUP/ before it and without, neither being left yet";
    "mqtt.session.will-not-taken" =>
        "property 24 (maximum QoS) below the will's, or 25 00 (retain available) for a retained one, in a CONNACK with the code 00";
    "mqtt.session.pingresp-unexpected" =>
        "towards the client, more packets d0 00 than it has sent c0 00";
    "mqtt.session.keep-alive" =>
        "no packet from the client for 1.5 times the seconds that the two bytes behind its CONNECT's flags say";
    "mqtt.session.packet-stalled" =>
        "the beginning of a packet from the client, and then nothing for minutes, or less than ten bytes a second";
    "mqtt.session.connect-timeout" =>
        "a TCP handshake, and then nothing from the client, or less than a whole CONNECT";

    "mqtt.ack.unknown-packet-id" =>
        "40, 50, 62, 70, 90 or b0 with a packet identifier that nothing on its way to that end has";
    "mqtt.ack.unknown-release" =>
        "62 02 and an identifier that no QoS 2 PUBLISH in flight has, in a session of 5.0";
    "mqtt.ack.wrong-step" =>
        "40 for a PUBLISH of QoS 2, 50 or 70 for one of QoS 1, or 70 before the PUBREL (62)";
    "mqtt.ack.code-count" =>
        "90 or b0 with more or fewer bytes behind identifier and properties than there were filters";
    "mqtt.packet-id.in-use" =>
        "two PUBLISHes, SUBSCRIBEs or UNSUBSCRIBEs with one identifier, and no acknowledgement between them";
    "mqtt.packet-id.resent" =>
        "a PUBLISH with DUP set (3a, 3c) on the connection that carried it first, or that has carried no such identifier in a new session";
    "mqtt.flow-control.receive-maximum" =>
        "more PUBLISHes of QoS 1 and 2 without an acknowledgement than property 21 of the other end says; told once of a connection";
    "mqtt.negotiated.packet-size" =>
        "a packet longer than property 27 (maximum packet size) of the other end's CONNECT or CONNACK";
    "mqtt.negotiated.qos" =>
        "a PUBLISH whose bits 02 and 04 say more than property 24 (maximum QoS) of the CONNACK";
    "mqtt.negotiated.retain" =>
        "a PUBLISH with bit 01 of its first byte set, after a CONNACK with 25 00 (retain available)";
    "mqtt.negotiated.wildcard" =>
        "a SUBSCRIBE with + (2b) or # (23) in a filter, after a CONNACK with 28 00";
    "mqtt.negotiated.shared" =>
        "a SUBSCRIBE whose filter begins with $share/, after a CONNACK with 2a 00";
    "mqtt.negotiated.subscription-id" =>
        "a SUBSCRIBE with property 0b, after a CONNACK with 29 00";
    "mqtt.negotiated.topic-alias" =>
        "a PUBLISH whose property 23 is above property 22 of the other end's CONNECT or CONNACK, or above none";
    "mqtt.negotiated.session-expiry" =>
        "e0 … 11 and four bytes that aren't zero, where the CONNECT's property 11 was zero or absent";
    "mqtt.negotiated.response-information" =>
        "property 1a in a CONNACK for a CONNECT without 19 01";
    "mqtt.negotiated.problem-information" =>
        "property 1f or 26 in other packets than CONNACK, DISCONNECT and PUBLISH, for a CONNECT with 17 00";
    "mqtt.alias.unknown" =>
        "a PUBLISH with an empty topic (00 00) whose property 23 stood beside no topic before";

    "mqtt.auth.method" =>
        "property 15 of an AUTH or CONNACK differs from that of the CONNECT";
    "mqtt.auth.method-missing" =>
        "20 … 00 without property 15, for a CONNECT that had it";
    "mqtt.auth.unexpected" =>
        "f0 for a CONNECT without property 15, or where it isn't its sender's turn";
    "mqtt.auth.unfinished" =>
        "from the client anything but f0 and e0, between a CONNECT with property 15 and its CONNACK";
    "mqtt.auth.failed" =>
        "a CONNACK with 04 or 05 in 3.x, 86, 87 or 8c in 5.0";
    "mqtt.takeover.client-id" =>
        "two connections from different addresses whose CONNECTs hold one identifier, the first still open; where both came before an answer, the second CONNACK";
    "mqtt.takeover.session" =>
        "a CONNECT with the identifier of a session kept by its server, from another address than its last one";

    "mqtt.too-large" =>
        "a remaining length (bytes 1 to 4) above [limits] mqtt_packet_bytes; what has to be read whole, all but a payload, above 1 MiB";
    "mqtt.wrong-protocol.tls" =>
        "16 03: a handshake record where a CONNECT should begin";
    "mqtt.wrong-protocol.http" =>
        "GET, POST, HEAD or another method and a blank; from a server, HTTP/";
    "mqtt.wrong-protocol.websocket" =>
        "GET and, in the same segment, a line \"Upgrade: websocket\"";
    "mqtt.wrong-protocol.ssh" =>
        "SSH- (53 53 48 2d) from either end";
    "mqtt.wrong-protocol.smtp" =>
        "EHLO or HELO and a blank; from a server, 220";
    "mqtt.wrong-protocol.rtsp" =>
        "DESCRIBE, SETUP, ANNOUNCE or OPTIONS rtsp:; from a server, RTSP/";
    "mqtt.wrong-protocol.sip" =>
        "INVITE, REGISTER or OPTIONS sip:; from a server, SIP/2.0";
    "mqtt.wrong-protocol.amqp" =>
        "AMQP (41 4d 51 50), its protocol header, from either end";
    "mqtt.wrong-protocol.stomp" =>
        "a line that says CONNECT or STOMP and nothing else";
    "mqtt.wrong-protocol.redis" =>
        "*1 to *4, a line's end and $, or a line PING or INFO; from a server, -ERR or -NOAUTH";
    "mqtt.wrong-protocol.proxy" =>
        "PROXY TCP or PROXY UNKNOWN, or 0d 0a 0d 0a 00 0d 0a 51 55 49 54 0a of its second version";
    "mqtt.wrong-protocol.telnet" =>
        "ff and fb to fe: an option is negotiated";
    "mqtt.wrong-protocol.tpkt" =>
        "03 00 and the length of the TPKT, in two bytes";
    "mqtt.wrong-protocol.socks" =>
        "05 01 00 or 05 02 00 and a method: version 5, and the ways to authenticate";
    "mqtt.wrong-protocol.text" =>
        "a line of printable characters, or eight of them, that no protocol above begins with";

    "mqtt.malformed.packet-type" =>
        "a first nibble of 0, or in a session of 3.x of f";
    "mqtt.malformed.flags" =>
        "a second nibble other than 2 with 6, 8 and a, or other than 0 with all others but 3: 80 for a SUBSCRIBE, say";
    "mqtt.malformed.publish-qos" =>
        "36, 37, 3e or 3f: both bits of the QoS set";
    "mqtt.malformed.dup-qos0" =>
        "38 or 39: DUP set, and no bit of the QoS";
    "mqtt.malformed.remaining-length" =>
        "four bytes behind the first that are all 80 or more, as in 30 ff ff ff ff";
    "mqtt.malformed.length-not-minimal" =>
        "a length that ends in 00 behind a byte of 80 or more, as 30 85 00 for 30 05";
    "mqtt.malformed.truncated" =>
        "a remaining length that leaves no room for a field which has to be there, as 20 01 00";
    "mqtt.malformed.field-length" =>
        "a string's two length bytes above what the remaining length leaves, as 30 04 00 ff 61 62";
    "mqtt.malformed.trailing-bytes" =>
        "a remaining length above that of all fields, as c0 01 00 or 40 05 00 01 00 00 00";
    "mqtt.malformed.utf8" =>
        "in a string, a byte of c0, c1 or f5 to ff, a lone 80 to bf, or a surrogate (ed a0 to ed bf)";
    "mqtt.malformed.utf8-null" =>
        "00 between the bytes of a topic, filter, identifier or user name";
    "mqtt.malformed.protocol-name" =>
        "behind 10 and the length, neither 00 04 4d 51 54 54 nor 00 06 4d 51 49 73 64 70";
    "mqtt.malformed.protocol-level" =>
        "behind the protocol name, a byte other than 03, 04, 05, 83 and 84";
    "mqtt.malformed.protocol-mismatch" =>
        "4d 51 54 54 03, or 4d 51 49 73 64 70 and 04 or 05: name and level of different versions";
    "mqtt.malformed.connect-reserved" =>
        "connect flags (the byte behind the level) with bit 01 set";
    "mqtt.malformed.will-qos" =>
        "connect flags with the bits 08 and 10 both set";
    "mqtt.malformed.will-qos-alone" =>
        "connect flags with bit 08 or 10, but not 04 (will)";
    "mqtt.malformed.will-retain-alone" =>
        "connect flags with bit 20, but not 04 (will)";
    "mqtt.malformed.password-alone" =>
        "connect flags with bit 40 (password), but not 80 (user name), in 3.x";
    "mqtt.malformed.client-id-empty" =>
        "00 00 for the identifier, in 3.1, or in 3.1.1 without bit 02 of the connect flags";
    "mqtt.malformed.will-topic-empty" =>
        "00 00 behind the identifier (and the will's properties), with bit 04 of the connect flags";
    "mqtt.malformed.will-topic-wildcard" =>
        "2b (+) or 23 (#) in the will's topic";
    "mqtt.malformed.connack-flags" =>
        "20, a length and a byte above 01";
    "mqtt.malformed.session-present-refused" =>
        "20 02 01 and a code other than 00";
    "mqtt.malformed.reason-code" =>
        "a code that the table of its packet doesn't have, as 20 02 00 09 in 3.1.1";
    "mqtt.malformed.reason-code-sender" =>
        "e0 01 8e (session taken over) from a client, or e0 01 04 (with will) from a server";
    "mqtt.malformed.topic-empty" =>
        "00 00 for a PUBLISH's topic, in 5.0 without property 23";
    "mqtt.malformed.topic-wildcard" =>
        "2b (+) or 23 (#) in a PUBLISH's topic";
    "mqtt.malformed.packet-id-missing" =>
        "a remaining length of 0 or 1 where an identifier has to stand, or a PUBLISH of QoS 1 that ends with its topic";
    "mqtt.malformed.packet-id-zero" =>
        "00 00 for a packet identifier, as 40 02 00 00";
    "mqtt.malformed.subscribe-empty" =>
        "82 02 and an identifier; in 5.0, 82 03, an identifier and 00";
    "mqtt.malformed.unsubscribe-empty" =>
        "a2 02 and an identifier; in 5.0, a2 03, an identifier and 00";
    "mqtt.malformed.suback-empty" =>
        "90 02 and an identifier; in 5.0, 90 03, an identifier and 00";
    "mqtt.malformed.unsuback-empty" =>
        "b0 03, an identifier and 00, in 5.0";
    "mqtt.malformed.filter-empty" =>
        "00 00 for a filter of a SUBSCRIBE or UNSUBSCRIBE";
    "mqtt.malformed.filter-multi-level" =>
        "in a filter, 23 (#) before its end, or behind another byte than 2f (/)";
    "mqtt.malformed.filter-single-level" =>
        "in a filter, 2b (+) beside another byte than 2f (/)";
    "mqtt.malformed.share-name" =>
        "a filter $share/ with nothing or a wildcard up to the next slash, or nothing behind that";
    "mqtt.malformed.subscription-qos" =>
        "behind a filter, a byte whose bits 01 and 02 are both set";
    "mqtt.malformed.subscription-reserved" =>
        "behind a filter, a byte with bit 40 or 80 set; in 3.x, with any but 01 and 02";
    "mqtt.malformed.retain-handling" =>
        "behind a filter of 5.0, a byte whose bits 10 and 20 are both set";
    "mqtt.malformed.no-local-shared" =>
        "behind a filter that begins with $share/, a byte with bit 04 set";
    "mqtt.malformed.property-length" =>
        "a property length above what the remaining length leaves";
    "mqtt.malformed.property-truncated" =>
        "a property that begins before the property length's end and ends behind it: 11 00 for five bytes";
    "mqtt.malformed.property-unknown" =>
        "an identifier that isn't of table 2-4, as 04, 0a or 2b and above";
    "mqtt.malformed.property-misplaced" =>
        "an identifier that table 2-4 has for other packets, as 23 (topic alias) in a CONNECT";
    "mqtt.malformed.property-sender" =>
        "from a client 0b in a PUBLISH or 1c in a DISCONNECT, from a server 11 in a DISCONNECT";
    "mqtt.malformed.property-repeated" =>
        "an identifier twice in one packet that isn't 26 (user property), or 0b towards a client";
    "mqtt.malformed.property-boolean" =>
        "01, 17, 19, 25, 28, 29 or 2a with a byte above 01";
    "mqtt.malformed.receive-maximum-zero" =>
        "21 00 00 among the properties of a CONNECT or CONNACK";
    "mqtt.malformed.maximum-packet-size-zero" =>
        "27 00 00 00 00 among the properties of a CONNECT or CONNACK";
    "mqtt.malformed.topic-alias-zero" =>
        "23 00 00 among the properties of a PUBLISH";
    "mqtt.malformed.subscription-id-zero" =>
        "0b 00 among the properties of a SUBSCRIBE or PUBLISH";
    "mqtt.malformed.response-topic-wildcard" =>
        "2b (+) or 23 (#) in the string of property 08";
    "mqtt.malformed.auth-data-alone" =>
        "property 16 without 15 beside it";
    "mqtt.malformed.auth-method-missing" =>
        "f0 and more than 00, without property 15";

    "mqtt.anomaly.length-not-minimal" =>
        "the same as 30 85 00 for 30 05, in a session of 3.x";
    "mqtt.anomaly.dup-qos0" =>
        "38 or 39, after a CONNECT with the level 03";
    "mqtt.anomaly.packet-id-zero" =>
        "00 00 for a packet identifier, after a CONNECT with the level 03";
    "mqtt.anomaly.client-id-length" =>
        "an identifier whose length bytes say more than 00 17, with the level 03";
    "mqtt.anomaly.identity-wildcard" =>
        "2b (+) or 23 (#) in the identifier or user name of a CONNECT";
    "mqtt.anomaly.bridge-level" =>
        "a protocol level of 83 or 84: bit 80 set";
    "mqtt.anomaly.older-server" =>
        "the CONNACK 20 02 00 01 of 3.1.1, after a CONNECT with the level 05";
    "mqtt.anomaly.newer-server" =>
        "the CONNACK 20 03 00 84 00 of 5.0, after a CONNECT with the level 03 or 04";
    "mqtt.anomaly.will-flags-alone" =>
        "connect flags with bit 08, 10 or 20, but not 04, with the level 03";
    "mqtt.anomaly.credentials-missing" =>
        "connect flags with bit 80 or 40, and a CONNECT that ends before them, with the level 03";
    "mqtt.anomaly.will-delay" =>
        "property 18 of the will above property 11 of its CONNECT";
    "mqtt.anomaly.not-in-31" =>
        "a CONNACK that begins 20 02 and not 00, or 80 for a filter in a SUBACK, after a CONNECT with the level 03";
    "mqtt.anomaly.connect-reserved" =>
        "connect flags with bit 01 set, with the level 03";
    "mqtt.anomaly.payload-format" =>
        "01 01 among the properties, and a payload with bytes that are no UTF-8";
    "mqtt.anomaly.user-properties" =>
        "26 among the properties of one packet more than 64 times";
    "mqtt.anomaly.server-reference" =>
        "property 1c in a CONNACK or DISCONNECT, mostly with the code 9c or 9d";
    "mqtt.anomaly.topic-depth" =>
        "199 times 2f (/) or more in one topic or filter";
    "mqtt.anomaly.control-character" =>
        "01 to 1f, 7f, or c2 80 to c2 9f in a string";
    "mqtt.anomaly.non-character" =>
        "ef bf be, ef bf bf or ef b7 90 to ef b7 af in a string, or the last two of another plane";
    "mqtt.anomaly.zero-width" =>
        "ef bb bf in a string: a byte order mark at its beginning, or within it";
}
