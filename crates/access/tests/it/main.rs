//! Objects from outside: YAML in, typed values or named faults out.
