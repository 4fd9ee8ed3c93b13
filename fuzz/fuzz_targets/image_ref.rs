#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tstack_fuzz::image_ref(data));
