package config

import (
	"fmt"
	"net"
	"regexp"
	"strings"
	"time"

	"reconnect.example/recovery/witness"
)

// WitnessServer is the work of who runs a witness for others.
type WitnessServer struct {
	Serve    WitnessServe `cmd:"" default:"withargs" help:"Run the witness (the default). Its records lie in the data folder, or in --records."`
	Identity Identity     `cmd:"" help:"Print the public key of an identity file, and make the file if it is missing."`
	Forks    Forks        `cmd:"" help:"List the evidence that somebody showed two states of a store."`

	Keys        WitnessKeys    `cmd:"" help:"List the keys with which the witness evaluates, and which of them are in an escrow."`
	Escrow      WitnessEscrow  `cmd:"" help:"Write all these keys as two shares, for two people, in two files."`
	Rotate      WitnessRotate  `cmd:"" help:"Draw a new key for a client, which is used from now on. Earlier ones stay usable."`
	RestoreKeys WitnessRestore `cmd:"" help:"After the witness has lost its records: bring its keys back from two shares. No witness may run."`
}

// WitnessServe is what a running witness needs.
type WitnessServe struct {
	Listen       string        `default:"127.0.0.1:8443" placeholder:"ADDRESS" help:"Address and port to listen on, for clients whose keys are known. Default: ${default}."`
	HealthListen string        `placeholder:"ADDRESS" help:"Address and port of /healthz and /readyz, which say nothing else. Default: none."`
	Client       []string      `sep:"," placeholder:"NAME=KEY/OPERATOR" help:"A server that is served: a name of your choice, the public key of its identity and, so that it can be put back from a backup, that of its operator. A name may be given twice with two keys."`
	SweepEvery   time.Duration `default:"1h" help:"Time between two sweeps of counters that nobody uses."`
	// For whatever starts a witness and ends in whatever way: nothing is left running.
	StopWithInput bool          `help:"Stop also when standard input ends."`
	ShutdownWait  time.Duration `default:"10s" help:"Time that calls under way get to finish when the witness stops."`
}

// Identity names the file.
type Identity struct {
	File string `arg:"" optional:"" help:"The file. Default: identity.key in the data folder, by which clients know a witness."`
}

// Forks says where to look.
type Forks struct {
	Of string `placeholder:"NAME" help:"Of this client only."`
}

// WitnessKeys says whose.
type WitnessKeys struct {
	Of string `placeholder:"NAME" help:"Of this client only."`
}

// WitnessEscrow says where the shares go.
type WitnessEscrow struct {
	One   string `arg:"" help:"File of the first share. It must not be there yet."`
	Other string `arg:"" help:"File of the second share, best on another stick."`
}

// WitnessRotate says whose.
type WitnessRotate struct {
	Of string `arg:"" help:"Name of the client."`
}

// WitnessRestore says where the shares are.
type WitnessRestore struct {
	Shares []string `arg:"" optional:"" help:"The files of both shares, in either order."`
	Of     string   `placeholder:"KEY" help:"Public key of the lost witness, if this one has another identity."`
	NoKeys bool     `help:"There are no shares: note for the clients named with --client that the records are lost, and the keys too."`
	Client []string `sep:"," placeholder:"NAME" help:"With --no-keys: the names of the clients."`
}

// ServedClient is one client of a witness.
type ServedClient struct {
	Name     string
	Key      witness.PublicKey
	Operator *witness.PublicKey // whose restore statements are taken; nil: none
}

// clientName can stand in a key of the store, and in a log.
var clientName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`)

// Clients reads the clients, and names every problem of them.
func (s *WitnessServe) Clients() (clients []ServedClient, problems []error) {
	operators, seen := map[string]string{}, map[witness.PublicKey]bool{}
	for _, text := range s.Client {
		name, keys, _ := strings.Cut(text, "=")
		key, operator, hasOperator := strings.Cut(keys, "/")
		c := ServedClient{Name: name}
		var err error
		if c.Key, err = witness.ParsePublicKey(key); err != nil || !clientName.MatchString(name) {
			problems = append(problems, fmt.Errorf("--client must be a name of small letters and digits, = and a public key; this is not: %.40s", text))
			continue
		}
		if hasOperator {
			public, err := witness.ParsePublicKey(operator)
			if err != nil || public == c.Key {
				problems = append(problems, fmt.Errorf("--client %s: what follows / is not the public key of its operator, which is another one than its own", name))
				continue
			}
			c.Operator = &public
		}
		if other, known := operators[name]; known && other != operator {
			problems = append(problems, fmt.Errorf("--client %s is given twice with different operators", name))
		}
		if seen[c.Key] {
			problems = append(problems, fmt.Errorf("--client %s: its key is given twice", name))
		}
		operators[name], seen[c.Key] = operator, true
		clients = append(clients, c)
	}
	return clients, problems
}

// check is that of the witness's own settings; without a client it serves nobody.
func (w *WitnessServer) check(expect func(bool, string)) {
	s := w.Serve
	_, _, err := net.SplitHostPort(s.Listen)
	expect(err == nil, "--listen must be an address and a port, such as 0.0.0.0:8443")
	if s.HealthListen != "" {
		_, _, err := net.SplitHostPort(s.HealthListen)
		expect(err == nil, "--health-listen must be an address and a port, such as 127.0.0.1:8081")
	}
	clients, problems := s.Clients()
	for _, p := range problems {
		expect(false, p.Error())
	}
	expect(len(clients)+len(problems) > 0, "--client is missing: a witness serves only whom it knows; a server prints its public key with: refserver witness identity FILE")
	expect(s.SweepEvery >= time.Second, "--sweep-every must be at least a second")
	expect(s.ShutdownWait >= 0, "--shutdown-wait is negative")
}
