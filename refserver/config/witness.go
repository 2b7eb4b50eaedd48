package config

// WitnessServer is the work of who runs a witness for others.
type WitnessServer struct {
	Serve WitnessServe `cmd:"" default:"withargs" help:"Run the witness (the default)."`
}

// WitnessServe is what a running witness needs.
type WitnessServe struct{}

func (*WitnessServer) check(func(bool, string)) {}
