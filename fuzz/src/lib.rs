//! What the fuzz targets share: the allocator that counts, so that a feed that takes too much memory fails by a number and not only
//! by what the whole process has.

pub use oneworker_tests::hostile::feed;

#[global_allocator]
static MEMORY: oneworker_tests::hostile::Counting = oneworker_tests::hostile::Counting;
