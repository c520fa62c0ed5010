//! Frames and messages a second through the whole inspector, under the shipped baseline.
//!
//! `cargo bench -p weir-inspect --bench frames`.

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};

use load::Load;

mod load;

fn frames(criterion: &mut Criterion) {
    for mut load in Load::all() {
        let mut group = criterion.benchmark_group("frames");
        group.throughput(Throughput::Elements(load.messages as u64));
        let name = load.name;
        let load = std::cell::RefCell::new(&mut load);
        group.bench_function(name, |bencher| {
            bencher.iter_batched_ref(
                || load.borrow_mut().next(),
                |round| load.borrow_mut().carry(round),
                BatchSize::PerIteration,
            );
        });
        group.finish();
    }
}

criterion_group!(benches, frames);
criterion_main!(benches);
