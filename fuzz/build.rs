//! libopus is C, and the C compiler counts coverage in its own way: `coverage.c` hands those counts to libFuzzer.

fn main() {
    println!("cargo:rerun-if-changed=coverage.c");
    // libFuzzer has a function of that name too, which only says that it cannot use it.
    println!("cargo:rustc-link-arg=-Wl,--wrap=__sanitizer_cov_trace_pc");
    cc::Build::new().file("coverage.c").link_lib_modifier("+whole-archive").compile("coverage");
}
