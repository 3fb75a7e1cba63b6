//! ELF cores (gABI `ET_CORE`) as a [`Target`](super::Target).
