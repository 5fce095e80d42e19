//! Drills of the bad week, as `docs/drills/` describes them: what is lost, and that in the end nothing is left and nothing was
//! wrongly touched.

mod destroyed;
