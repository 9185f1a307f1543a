//! Load generator, floors, and the lean MTProto client they share.
