//! Checking objects together: what refers to what, over the set as it would be after a change.

use crate::objects::{Launch, OBJECTS_MOST, Object, ObjectError, ObjectId, Resource, UserRecord};
use mayfly_domain::RecordName;
use std::collections::{BTreeMap, BTreeSet};

/// The set of objects as it would be.
struct Whole<'a> {
    users: BTreeMap<&'a RecordName, &'a UserRecord>,
    /// Every name once, with how many resources have it.
    resources: BTreeMap<&'a RecordName, usize>,
    /// Those of the resources that are directories, which nobody connects to.
    directories: BTreeSet<&'a RecordName>,
}

/// Checks the whole set that comes of `existing` when `delete` goes and `put` is made or replaced: references exist, lead to
/// the right kind, and a credential belongs to the resource that uses it. One that stands in both ends as put, as in
/// [`crate::store::Objects::apply`].
///
/// # Errors
/// Every fault, of objects that stay untouched as well: deleting a database breaks whoever refers to it.
pub fn check(existing: &[Object], put: &[Object], delete: &[ObjectId]) -> Result<(), Vec<ObjectError>> {
    let mut all: BTreeMap<ObjectId, &Object> = existing.iter().map(|object| (object.id(), object)).collect();
    all.retain(|id, _| !delete.contains(id));
    all.extend(put.iter().map(|object| (object.id(), object)));
    let mut faults = Vec::new();
    if all.len() > OBJECTS_MOST {
        let text = format!("there would be {} objects, at most {OBJECTS_MOST} are kept", all.len());
        faults.push(ObjectError { object: String::new(), path: String::new(), line: None, text });
    }
    let mut whole = Whole { users: BTreeMap::new(), resources: BTreeMap::new(), directories: BTreeSet::new() };
    for object in all.values() {
        match object {
            Object::Person(_) => {}
            Object::User(user) => drop(whole.users.insert(&user.name, user)),
            Object::Database(database) => *whole.resources.entry(&database.resource.name).or_default() += 1,
            Object::Machine(machine) => *whole.resources.entry(&machine.resource.name).or_default() += 1,
            Object::Directory(directory) => {
                *whole.resources.entry(&directory.name).or_default() += 1;
                whole.directories.insert(&directory.name);
            }
        }
    }
    for (id, object) in &all {
        for (path, text) in whole.faults_of(object) {
            faults.push(ObjectError { object: id.to_string(), path, line: None, text });
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}

impl Whole<'_> {
    fn faults_of(&self, object: &Object) -> Vec<(String, String)> {
        let mut faults = Vec::new();
        match object {
            Object::Person(person) => {
                for (place, name) in person.may_launch.iter().enumerate() {
                    let at = format!("spec.may_launch[{place}]");
                    if !self.resources.contains_key(name) {
                        faults.push((at, self.no_resource(name)));
                    } else if self.directories.contains(name) {
                        let text =
                            format!("`{name}` is a directory, which nobody connects to: name databases and machines");
                        faults.push((at, text));
                    }
                }
            }
            Object::User(user) => {
                if self.resources.contains_key(&user.name) {
                    let text =
                        format!("a resource is called `{}` too: records of all kinds share their names", user.name);
                    faults.push(("name".to_owned(), text));
                }
                if !self.resources.contains_key(&user.resource) {
                    faults.push(("spec.resource".to_owned(), self.no_resource(&user.resource)));
                }
            }
            Object::Database(database) => self.resource_faults(&database.resource, &mut faults),
            Object::Machine(machine) => self.resource_faults(&machine.resource, &mut faults),
            Object::Directory(directory) => {
                faults.extend(self.administration_faults(&directory.name, &directory.administrative));
            }
        }
        faults
    }

    fn resource_faults(&self, resource: &Resource, faults: &mut Vec<(String, String)>) {
        faults.extend(self.administration_faults(&resource.name, &resource.administrative));
        let Launch::Existing { user } = &resource.jit.launch else { return };
        let text = if *user == resource.administrative {
            let text = "is the administrative credential, which no session logs in with: give another user record";
            Some(text.to_owned())
        } else {
            self.credential(user, &resource.name)
        };
        faults.extend(text.map(|text| ("spec.jit.launch".to_owned(), text)));
    }

    /// What is wrong with the name and the administrative credential of a resource of any kind.
    fn administration_faults(&self, name: &RecordName, administrative: &RecordName) -> Vec<(String, String)> {
        let mut faults = Vec::new();
        if self.resources.get(name).is_some_and(|count| *count > 1) {
            let text = format!("`{name}` is another resource too: records of all kinds share their names");
            faults.push(("name".to_owned(), text));
        }
        let administrative = self.credential(administrative, name);
        faults.extend(administrative.map(|text| ("spec.rotation.administrative".to_owned(), text)));
        faults
    }

    /// What is wrong with a reference to a resource that is none.
    fn no_resource(&self, name: &RecordName) -> String {
        if self.users.contains_key(name) {
            format!("`{name}` is a user record: name the database or machine instead")
        } else {
            format!("there is no database or machine `{name}`: correct the name, or apply that object too")
        }
    }

    /// What is wrong with a reference to a credential of `resource`, if anything.
    fn credential(&self, name: &RecordName, resource: &RecordName) -> Option<String> {
        match self.users.get(name) {
            None => Some(format!("there is no user record `{name}`: correct the name, or apply that object too")),
            Some(user) if user.resource != *resource && self.directories.contains(&user.resource) => Some(format!(
                "the user record `{name}` belongs to the directory `{}`: accounts of a directory on other resources are not \
                 built yet",
                user.resource
            )),
            Some(user) if user.resource != *resource => Some(format!(
                "the user record `{name}` belongs to `{}`: a credential serves only the resource on which its account lives",
                user.resource
            )),
            Some(_) => None,
        }
    }
}
