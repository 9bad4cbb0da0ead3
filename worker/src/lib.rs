//! Runs the workflows and activities.
