//! Random and mutilated frames by the million: nothing panics, no layer leaves its frame.

use super::{TAG, patched_v4, path, tagged, tcp, udp, with_extensions};
use crate::net::fuzz::fuzz_frame;
use crate::noise::Noise;

fn seeds() -> Vec<Vec<u8>> {
    let udp6 = udp(&path(false), b"0123456789abcdef");
    vec![
        tcp(&path(true), b"0123456789abcdef"),
        tcp(&path(false), b"0123456789abcdef"),
        udp(&path(true), b"0123456789abcdef"),
        udp6.clone(),
        tagged(&tcp(&path(true), b"0123456789abcdef"), TAG),
        with_extensions(
            &udp6,
            0,
            &[60, 0, 0, 0, 0, 0, 0, 0, 17, 0, 0, 0, 0, 0, 0, 0],
        ),
        with_extensions(&udp6, 44, &[17, 0, 0, 1, 0, 0, 0, 1]),
        patched_v4(udp(&path(true), b"01234567"), &[(14 + 6, 0x20)]),
    ]
}

#[test]
fn mutilated_frames() {
    let mut noise = Noise::new(0x6672_616d);
    let seeds = seeds();
    for _ in 0..600_000 {
        let seed = &seeds[noise.below(seeds.len())];
        let mut buffer = [0; 128];
        let frame = &mut buffer[..seed.len()];
        frame.copy_from_slice(seed);
        noise.mutilate(frame);
        let end = frame.len() - noise.below(8).saturating_sub(4);
        fuzz_frame(&frame[..end]);
    }
}

#[test]
fn random_frames() {
    let mut noise = Noise::new(0x6e6f_6973);
    let mut buffer = [0; 96];
    for round in 0..600_000 {
        let len = noise.below(buffer.len());
        noise.fill(&mut buffer[..len]);
        if len > 15 {
            let (ethertype, version) =
                [([0x08, 0], 0x45), ([0x86, 0xdd], 0x60), ([0x81, 0], 0)][round % 3];
            buffer[12..14].copy_from_slice(&ethertype);
            buffer[14] = version;
        }
        fuzz_frame(&buffer[..len]);
    }
}

#[test]
fn exercise_fuzz_frame() {
    for seed in seeds() {
        fuzz_frame(&seed);
    }
    fuzz_frame(&[]);
}
