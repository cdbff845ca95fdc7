mod labelled;
mod laws;
