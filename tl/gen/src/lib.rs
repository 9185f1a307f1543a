//! gen
pub mod codegen;
pub mod history;
pub mod names;
pub mod schema;
