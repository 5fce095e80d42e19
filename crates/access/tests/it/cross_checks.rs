//! References between objects, over the set as it would be.

use crate::{DATABASE, good};
use mayfly_access::objects::{Kind, Object, ObjectError, ObjectId, check};

fn id(kind: Kind, name: &str) -> ObjectId {
    ObjectId::new(kind, name).unwrap()
}

fn all() -> Vec<Object> {
    good(&format!(
        "{DATABASE}---\n{{kind: User, name: orders-admin, spec: {{login: a, resource: orders}}}}\n\
         ---\n{{kind: Person, name: alice, spec: {{may_launch: [orders]}}}}\n"
    ))
}

fn faults(existing: &[Object], put: &[Object], delete: &[ObjectId]) -> Vec<String> {
    check(existing, put, delete).err().unwrap_or_default().iter().map(ObjectError::to_string).collect()
}

#[test]
fn a_whole_set_is_accepted_in_one_apply_or_by_parts() {
    assert_eq!(faults(&[], &all(), &[]), [""; 0]);
    assert_eq!(faults(&all(), &[], &[]), [""; 0]);
    let everything: Vec<_> = all().iter().map(Object::id).collect();
    assert_eq!(faults(&all(), &[], &everything), [""; 0]);
    assert_eq!(faults(&all(), &all(), &everything), [""; 0], "what is put and deleted stays");
}

#[test]
fn what_is_referred_to_cannot_go() {
    assert_eq!(
        faults(&all(), &[], &[id(Kind::Database, "orders")]),
        [
            "Person/alice: spec.may_launch[0]: there is no database or machine `orders`: correct the name, or apply that object too",
            "User/orders-admin: spec.resource: there is no database or machine `orders`: correct the name, or apply that object too",
        ]
    );
    assert_eq!(
        faults(&all(), &[], &[id(Kind::User, "orders-admin")]),
        [
            "Database/orders: spec.rotation.administrative: there is no user record `orders-admin`: correct the name, or apply that object too"
        ]
    );
}

#[test]
fn a_credential_belongs_to_the_resource_that_uses_it() {
    let other = good(
        &DATABASE
            .replace("name: orders", "name: billing")
            .replace("{create_ephemeral: true}", "{launch: orders-admin}"),
    );
    let faults = faults(&all(), &other, &[]);
    assert!(
        faults[0].starts_with(
            "Database/billing: spec.rotation.administrative: the user record `orders-admin` belongs to `orders`"
        ),
        "{faults:?}"
    );
    assert!(faults[1].starts_with("Database/billing: spec.jit.launch: is the administrative credential"), "{faults:?}");
}

#[test]
fn a_credential_is_no_resource_and_names_are_shared_by_all_records() {
    let put = good(
        "{kind: Person, name: bob, spec: {may_launch: [orders-admin]}}\n---\n{kind: User, name: orders, spec: {login: x, resource: orders}}\n",
    );
    let faults = faults(&all(), &put, &[]);
    assert_eq!(
        faults[0],
        "Person/bob: spec.may_launch[0]: `orders-admin` is a user record: name the database or machine instead"
    );
    assert!(faults[1].starts_with("User/orders: name: a resource is called `orders` too"), "{faults:?}");
}
