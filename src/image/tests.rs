mod attach;
mod files;
mod made;
