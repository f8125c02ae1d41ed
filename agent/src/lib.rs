//! Which certificate expires next, where is it, and is somebody told in time?
pub mod decode;
pub mod model;
pub mod source;
