package config

// Failure is an error of a step that is not a system call. Package advice knows what
// helps by the step's name.
type Failure struct {
	Name string // of the step, like "make the store"
	Err  error
}

func (f *Failure) Error() string { return f.Err.Error() }
func (f *Failure) Unwrap() error { return f.Err }
func (f *Failure) Step() string  { return f.Name }
