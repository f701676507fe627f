// Compiles assembly/ to WebAssembly; see CONTRIBUTING.md.
