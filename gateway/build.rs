//! Builds the XDP program in `ebpf/` for the kernel and leaves it in `OUT_DIR` as `weir.bpf.o`, where
//! the loader embeds it.
//!
//! The target has no ready-made `core`, so it takes a compiler with its library source, and
//! `RUSTC_BOOTSTRAP` for the unstable option that compiles it; and bpf-linker. The build looks where
//! those usually are and says what to install when they aren't there.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

const HOW_TO_INSTALL: &str = "\
`scripts/setup build` installs what is missing on Debian. By hand, a compiler with its library source:
    apt-get install rustc-web cargo-web rust-web-src llvm-22-dev     (Debian 12)
    rustup component add rust-src                                    (any rustup toolchain, 1.95 or newer)
and the linker:
    LLVM_PREFIX=/usr/lib/llvm-22 cargo install bpf-linker --version 0.13.0 --no-default-features --features llvm-22";

fn main() -> ExitCode {
    match build() {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            for line in problem.lines() {
                println!("cargo::error={line}");
            }
            ExitCode::FAILURE
        }
    }
}

fn build() -> Result<(), String> {
    let gateway = PathBuf::from(variable("CARGO_MANIFEST_DIR"));
    let repository = gateway
        .parent()
        .expect("the gateway is a directory of the repository");
    let out_dir = PathBuf::from(variable("OUT_DIR"));
    for source in [
        "ebpf/Cargo.toml",
        "ebpf/Cargo.lock",
        "ebpf/src",
        "crates/abi/Cargo.toml",
        "crates/abi/src",
    ] {
        println!(
            "cargo::rerun-if-changed={}",
            repository.join(source).display()
        );
    }
    println!("cargo::rerun-if-changed=build.rs");

    let toolchain = Toolchain::find().ok_or_else(|| {
        format!(
            "the XDP program can't be built: no Rust compiler here has its library source\n{HOW_TO_INSTALL}"
        )
    })?;
    let linker = find_linker().ok_or_else(|| {
        format!("the XDP program can't be built: no bpf-linker in PATH or in cargo's bin directory\n{HOW_TO_INSTALL}")
    })?;
    let object = compile(&toolchain, &linker, repository, &out_dir)?;
    let embedded = out_dir.join("weir.bpf.o");
    fs::read(&object)
        .map_err(|error| error.to_string())
        .and_then(|object| without_debug_information(&object).map_err(|error| error.to_string()))
        .and_then(|object| fs::write(embedded, object).map_err(|error| error.to_string()))
        .map_err(|error| format!("{}: {error}", object.display()))
}

/// The object without what only debuggers read. BTF, which the kernel reads, was made from it; the
/// rest is most of the object, and has hashes of directories in it.
fn without_debug_information(object: &[u8]) -> object::build::Result<Vec<u8>> {
    let mut builder = object::build::elf::Builder::read(object)?;
    for section in builder.sections.iter_mut() {
        section.delete = [".debug_", ".rel.debug_"]
            .iter()
            .any(|debug| section.name.to_string().starts_with(debug));
    }
    builder.delete_orphans();
    // LLVM keeps the names of sections with those of symbols; here they need a section of their own.
    let names = builder.sections.add();
    names.name = ".shstrtab".into();
    names.sh_type = object::elf::SHT_STRTAB;
    names.data = object::build::elf::SectionData::SectionString;
    let mut stripped = Vec::new();
    builder.write(&mut stripped)?;
    Ok(stripped)
}

/// A compiler that has its library source.
struct Toolchain {
    cargo: PathBuf,
    rustc: PathBuf,
    sysroot: PathBuf,
}

impl Toolchain {
    /// The compiler of this very build if it will do, else the system's, else rustup's nightly:
    /// what moves least comes first.
    fn find() -> Option<Self> {
        let own = Command::new(variable("RUSTC"));
        let system = Command::new("/usr/bin/rustc");
        let mut nightly = Command::new("rustup");
        nightly.args(["run", "nightly", "rustc"]);
        [own, system, nightly].into_iter().find_map(Self::probe)
    }

    fn probe(mut rustc: Command) -> Option<Self> {
        rustc.args(["--print", "sysroot"]);
        let sysroot = PathBuf::from(output(&mut rustc)?);
        let (cargo, rustc) = (sysroot.join("bin/cargo"), sysroot.join("bin/rustc"));
        let source = sysroot.join("lib/rustlib/src/rust/library/core/src/lib.rs");
        let has_all = cargo.exists() && rustc.exists() && source.exists();
        has_all.then_some(Self {
            cargo,
            rustc,
            sysroot,
        })
    }
}

/// What a command prints, without the line's end, if it can be run and succeeds.
fn output(command: &mut Command) -> Option<String> {
    let output = command
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim_end().to_owned())
}

fn find_linker() -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let in_path = env::split_paths(&path).map(|dir| dir.join("bpf-linker"));
    let by_cargo = cargo_home().map(|home| home.join("bin/bpf-linker"));
    in_path.chain(by_cargo).find(|linker| linker.is_file())
}

fn cargo_home() -> Option<PathBuf> {
    let default = || env::var_os("HOME").map(|home| Path::new(&home).join(".cargo"));
    env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(default)
}

/// Runs the inner build and returns the path of the object.
fn compile(
    toolchain: &Toolchain,
    linker: &Path,
    repository: &Path,
    out_dir: &Path,
) -> Result<PathBuf, String> {
    let target = match variable("CARGO_CFG_TARGET_ENDIAN").as_str() {
        "little" => "bpfel-unknown-none",
        _ => "bpfeb-unknown-none",
    };
    let target_dir = out_dir.join("ebpf");
    let mut cargo = Command::new(&toolchain.cargo);
    for (name, _) in env::vars_os().filter(|(name, _)| belongs_to_outer_build(name)) {
        cargo.env_remove(name);
    }
    cargo
        .current_dir(repository.join("ebpf"))
        .args(["build", "--release", "--locked", "--bin", "weir"])
        .args(["-Z", "build-std=core", "--target", target, "--target-dir"])
        .arg(&target_dir)
        .env("RUSTC", &toolchain.rustc)
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTC_WRAPPER", "")
        .env("RUSTC_WORKSPACE_WRAPPER", "")
        .env(
            "CARGO_ENCODED_RUSTFLAGS",
            rust_flags(toolchain, linker, repository),
        );
    let output = cargo
        .output()
        .map_err(|error| format!("{}: {error}", toolchain.cargo.display()))?;
    if !output.status.success() {
        eprintln!("{}", String::from_utf8_lossy(&output.stderr));
        return Err(format!(
            "building the XDP program with {} and {} failed; see its messages in the output.\n\
             If it is the linker that complains: it must be built for the LLVM of the compiler\n\
             (`{} -vV`), or for a newer one.\n{HOW_TO_INSTALL}",
            toolchain.cargo.display(),
            linker.display(),
            toolchain.rustc.display(),
        ));
    }
    Ok(target_dir.join(target).join("release/weir"))
}

/// Variables that cargo, rustup or clippy set for this build, or that the user set for the host's
/// compiler, and that would mislead the inner one. Where cargo keeps its things and how it reaches
/// the network stays.
fn belongs_to_outer_build(name: &OsString) -> bool {
    let Some(name) = name.to_str() else {
        return false;
    };
    let kept = ["CARGO_HOME", "CARGO_HTTP_", "CARGO_NET_", "CARGO_REGISTR"];
    let dropped = [
        "CARGO",
        "RUSTC",
        "RUSTFLAGS",
        "RUSTDOC",
        "RUSTUP_TOOLCHAIN",
        "CLIPPY_",
    ];
    let others = [
        "TARGET",
        "HOST",
        "OUT_DIR",
        "PROFILE",
        "OPT_LEVEL",
        "DEBUG",
        "LD_LIBRARY_PATH",
    ];
    let begins = |prefixes: &[&str]| prefixes.iter().any(|prefix| name.starts_with(prefix));
    begins(&dropped) && !begins(&kept) || others.contains(&name)
}

fn rust_flags(toolchain: &Toolchain, linker: &Path, repository: &Path) -> OsString {
    let arch = variable("CARGO_CFG_TARGET_ARCH");
    let mut flags: Vec<OsString> = vec![
        format!("--cfg=bpf_target_arch=\"{arch}\"").into(),
        // 32-bit instructions and jumps: any kernel that has the helpers the program calls.
        "-Ctarget-cpu=v3".into(),
        // BTF describes the maps, and is made from debug information.
        "-Cdebuginfo=2".into(),
        "-Clink-arg=--btf".into(),
        joined("-Clinker=", linker, ""),
    ];
    if ["x86_64", "aarch64"].contains(&arch.as_str()) {
        // Headers begin at odd multiples of two. Where the kernel allows it (as it does where the
        // processor doesn't mind), numbers in them are read whole instead of byte by byte.
        flags.push("-Clink-arg=--cpu-features=+allows-misaligned-mem-access".into());
    }
    // The same object from any directory.
    flags.push(joined("--remap-path-prefix=", repository, "=/weir"));
    flags.push(joined("--remap-path-prefix=", &toolchain.sysroot, "=/rust"));
    if let Some(home) = cargo_home() {
        flags.push(joined("--remap-path-prefix=", &home, "=/cargo"));
    }
    flags.join("\u{1f}".as_ref())
}

fn joined(before: &str, path: &Path, after: &str) -> OsString {
    let mut flag = OsString::from(before);
    flag.push(path);
    flag.push(after);
    flag
}

/// A variable that cargo sets for every build script.
fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|error| panic!("cargo sets {name}: {error}"))
}
