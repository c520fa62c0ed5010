//! What is seen of CoAP. The first byte of a datagram holds version, type and token length, the code follows; options
//! are named by their numbers.

super::seen! {
    "coap.amplification.ratio" =>
        "towards one address, UDP payloads of several times the bytes that came from it";
    "coap.spoofed.unmatched-response" =>
        "a code of 40 to bf with a token that no request from there to that server had";
    "coap.spoofed.unmatched-ack" =>
        "60 00 and a message ID that no CON to that endpoint had";
    "coap.spoofed.unmatched-reset" =>
        "70 00 and a message ID that nothing sent to that endpoint had";
    "coap.multicast.confirmable" =>
        "a first byte of 40 to 4f towards 224.0.0.0/4 or ff00::/8, mostly 224.0.1.187 or ff0x::fd";
    "coap.multicast.observe" =>
        "option 6 in a request towards 224.0.0.0/4 or ff00::/8";
    "coap.spoofed.other-endpoint" =>
        "a code of 40 to bf with a token under way, from another address or port than the request went to";
    "coap.spoofed.unregistered-notification" =>
        "a 2.05 with option 6 whose token no request with option 6 to that server had, or 93 s after that ended";
    "coap.spoofed.second-response" =>
        "a code of 40 to bf with the token of one before it, and another message ID or another rest";
    "coap.spoofed.own-address" =>
        "an IP header with the same address for source and destination";
    "coap.observe.unasked" =>
        "option 6 in a 2.xx, and none in the request with its token";
    "coap.observe.stale" =>
        "a 24-bit number in option 6 that isn't ahead of the last one's, within 128 seconds of it";
    "coap.block.gap" =>
        "option 27 with a block number above 0, while the number before it went to nobody";
    "coap.block.continue" =>
        "the code 5f (2.31) with a token whose request had neither option 27 nor 19";
    "coap.block.unasked" =>
        "option 23 in a response with a block number that begins further on than the request's";
    "coap.block.mixed-bodies" =>
        "option 23 with a block number above 0, and another option 4 (ETag) than with number 0";
    "coap.exchange.message-id-reused" =>
        "bytes 2 and 3 as in another message between the same ports within 247 seconds, and another rest";
    "coap.exchange.late-duplicate" =>
        "the bytes of an earlier message once more, over 145 seconds after they came first";
    "coap.exchange.forgotten" =>
        "a code of 40 to bf whose request came before many others, all within 247 seconds";
    "coap.exchange.non-acknowledged" =>
        "a first byte of 60 to 68, and the message ID of a message whose first byte was 50 to 58";
    "coap.midstream" =>
        "a code of 40 to bf whose request isn't in the capture, soon after its beginning";
    "coap.too-large" =>
        "a datagram longer than [limits] coap_message_bytes; over TCP, coap_tcp_message_bytes";
    "coap.tcp.first-not-csm" =>
        "over TCP, a first message whose code isn't e1 (7.01)";
    "coap.wrong-protocol.mqtt" =>
        "first bytes of 10, a length, and 00 04 4d 51 54 54 or 00 06 4d 51 49 73 64 70";
    "coap.wrong-protocol.tls" =>
        "first bytes of 16 03; from a server 15 03, too";
    "coap.wrong-protocol.http" =>
        "a first line that begins with a method of HTTP; from a server HTTP/";
    "coap.wrong-protocol.websocket" =>
        "a first line of HTTP, and Upgrade: websocket within the same segment";
    "coap.wrong-protocol.ssh" =>
        "first bytes of SSH-";
    "coap.tcp.message-size" =>
        "over TCP, a message longer than option 2 of the other end's 7.01 says, or than 1152 bytes without";
    "coap.tcp.after-abort" =>
        "over TCP, any code but 00 behind e5 (7.05) from the same end";
    "coap.tcp.request-after-release" =>
        "over TCP, a code of 01 to 1f behind e4 (7.04) from the same end";
    "coap.tcp.pong-unasked" =>
        "over TCP, more messages of code e3 (7.03) than the other end has sent e2 (7.02)";
    "coap.tcp.pong-token" =>
        "over TCP, e3 (7.03) with another token than the e2 (7.02) it answers, mostly none";
    "coap.tcp.critical-option" =>
        "over TCP, a code of e0 to ff and an option with an odd number";

    "coap.malformed.too-short" =>
        "a datagram of fewer than four bytes";
    "coap.malformed.version" =>
        "a first byte below 40, or above 7f";
    "coap.malformed.token-length" =>
        "a first byte whose second nibble is f";
    "coap.malformed.token-truncated" =>
        "fewer bytes behind the first four than the token length nibble says, as 48 01 00 01 aa";
    "coap.malformed.code-class" =>
        "a code of 20 to 3f, or c0 to df; e0 to ff in a datagram";
    "coap.malformed.empty-message" =>
        "a code of 00 and more than four bytes, or a first byte other than 40, 60 and 70";
    "coap.malformed.empty-non-confirmable" =>
        "50 00: NON, and nothing in it";
    "coap.malformed.ack-request" =>
        "60 to 6f and a code of 01 to 1f";
    "coap.malformed.reset-not-empty" =>
        "70 to 7f and a code other than 00";
    "coap.malformed.option-delta" =>
        "an option that begins with f0 to fe: its first nibble is kept for the payload marker";
    "coap.malformed.option-length" =>
        "an option whose second nibble is f, as 1f or bf";
    "coap.malformed.option-header-truncated" =>
        "an option nibble of d or e, and fewer than its one or two bytes before the end";
    "coap.malformed.option-truncated" =>
        "an option whose length leads past the end, as b5 61 and nothing behind it";
    "coap.malformed.option-number" =>
        "deltas that add up to more than 65,535, as e0 ff ff";
    "coap.malformed.payload-marker" =>
        "ff as the last byte";
    "coap.malformed.option-value-length" =>
        "a value of a length that its option's row doesn't have: an option 3 of 0 bytes, an option 12 of 3";
    "coap.malformed.option-repeated" =>
        "a delta of 0 behind an option that isn't repeatable, as 3 (Uri-Host) or 12 (Content-Format); in a response 4 and 31 too";
    "coap.malformed.option-utf8" =>
        "in option 3, 8, 11, 15, 20, 35 or 39, bytes like c0 80, ed a0 80 or a lone 80";
    "coap.malformed.path-dots" =>
        "option 11 or 8 with the value 2e, or 2e 2e";
    "coap.malformed.proxy-uri-conflict" =>
        "option 35 beside 3, 7, 11 or 15";
    "coap.malformed.proxy-uri-host" =>
        "option 35 with more than 255 bytes between :// and the next / or :";
    "coap.malformed.hop-limit-zero" =>
        "option 16 with the value 00, or with none";
    "coap.malformed.block-size" =>
        "option 23 or 27 whose last three bits are 7 (in UDP), or of more than three bytes";
    "coap.malformed.block-payload" =>
        "option 27 or 23 with bit 08 (more) and a payload of another length than 2 to the (last three bits + 4)";
    "coap.malformed.valid-payload" =>
        "the code 43 (2.03), and ff and bytes at the end";
    "coap.malformed.oscore-option" =>
        "option 9 whose first byte has bit 80, 40 or 20, or counts more bytes than follow";
    "coap.malformed.oscore-payload" =>
        "option 9, and no ff behind the options";

    "coap.anomaly.unknown-method" =>
        "a code of 08 to 1f";
    "coap.anomaly.unknown-response" =>
        "a code of 40 to bf that isn't in the registry, as 5f";
    "coap.anomaly.unknown-signal" =>
        "over TCP, a code of e0, or e6 to ff";
    "coap.anomaly.extended-token" =>
        "a first byte whose second nibble is 9 to e";
    "coap.anomaly.unknown-critical-option" =>
        "an option with an odd number that isn't in the registry";
    "coap.anomaly.reserved-option" =>
        "option 0, 128, 132, 136 or 140";
    "coap.anomaly.option-misplaced" =>
        "an option of requests in a response or the other way round, as 14 (Max-Age) in a GET";
    "coap.anomaly.path-empty-segment" =>
        "option 11 with a length of 0, as b0 or 00";
    "coap.anomaly.path-slash" =>
        "2f (/) in the value of option 11";
    "coap.anomaly.control-character" =>
        "00 to 1f, 7f, or c2 80 to c2 9f in the value of a text option";
    "coap.anomaly.uri-host" =>
        "in option 3 a blank, a slash or another byte that no host's name has";
    "coap.anomaly.uri-port-zero" =>
        "option 7 with the value 00 or 00 00, or with none";
    "coap.anomaly.proxy-scheme" =>
        "option 39 that doesn't begin with a letter, or has other bytes than letters, digits, +, - and .";
    "coap.anomaly.proxy-conflict" =>
        "the options 35 and 39 in one message";
    "coap.anomaly.proxy-uri-dots" =>
        "option 35 with /./ or /../ in its path, or with 2e written as %2e";
    "coap.anomaly.block-mixed" =>
        "option 23 beside 31, or 27 beside 19";
    "coap.anomaly.block-oversize" =>
        "option 27 or 23 without bit 08 (more), and a payload longer than 2 to the (last three bits + 4)";
    "coap.anomaly.valid-without-etag" =>
        "the code 43 (2.03) without option 4";
    "coap.anomaly.undefined-payload" =>
        "01 (GET) or 04 (DELETE), and ff and bytes at the end";
    "coap.anomaly.diagnostic-utf8" =>
        "a code of 80 to bf without option 12, and bytes behind ff that are no text";
    "coap.anomaly.edhoc-without-oscore" =>
        "option 21 without option 9";
}
