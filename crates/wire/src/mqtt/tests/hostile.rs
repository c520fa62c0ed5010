//! Random and mutilated bytes by the million: nothing panics, nothing reaches past its input.

use super::golden::SAMPLES;
use crate::mqtt::fuzz::{fuzz_control_packet, fuzz_topics};
use crate::noise::Noise;

#[test]
fn random_bytes() {
    let mut noise = Noise::new(0x6d71_7474);
    let mut buffer = [0; 64];
    for _ in 0..1_500_000 {
        let len = noise.below(buffer.len());
        noise.fill(&mut buffer[..len]);
        fuzz_control_packet(&buffer[..len]);
    }
}

#[test]
fn samples_with_flipped_bits() {
    let mut noise = Noise::new(0x666c_6970);
    let mut buffer = Vec::new();
    for _ in 0..1_500_000 {
        let (version, direction, sample) = SAMPLES[noise.below(SAMPLES.len())];
        buffer.clear();
        buffer.push(version as u8 | (direction as u8) << 2);
        buffer.extend(sample);
        noise.mutilate(&mut buffer[1..]);
        let len = buffer.len() - noise.below(4).min(buffer.len());
        fuzz_control_packet(&buffer[..len]);
    }
}

#[test]
fn exercise_fuzz_topics() {
    for data in [
        "a/+\nb/#\nc",
        "#\n+/#\n$SYS/x",
        "\n\n",
        "$share/g/t\nt\nt",
        "a",
        "",
    ] {
        fuzz_topics(data.as_bytes());
    }
    let mut noise = Noise::new(0x746f_7069);
    let mut buffer = [0; 24];
    for _ in 0..100_000 {
        noise.fill(&mut buffer);
        buffer
            .iter_mut()
            .for_each(|byte| *byte = b"ab/+#$\n/"[usize::from(*byte & 7)]);
        fuzz_topics(&buffer);
    }
}
