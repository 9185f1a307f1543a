//! What stands for what an older layer cannot say.
use crate::Shape;
pub(crate) fn instead(_type: &str, _shape: &dyn Shape, _layer: i32) -> Option<Box<dyn Shape>> {
    None
}
pub(crate) fn before_write(_shape: &dyn Shape, _layer: i32) -> Option<Box<dyn Shape>> {
    None
}
pub(crate) fn after_read(_shape: &mut dyn Shape) {}
