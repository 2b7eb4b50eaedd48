package demo

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"time"

	"reconnect.example/recovery/witness"
	"reconnect.example/vault/local"
)

// witnessName is the folder of the sample witness, in the data folder.
const witnessName = "demo-witness"

// Witness is a witness that runs as a program of its own, as another organisation would
// run it. Here it passes for one: only in the sample.
type Witness struct {
	Address, Key, Signs, Operator string

	program *exec.Cmd
	input   io.Closer // its end is the end of the program
}

var (
	witnessAddress = regexp.MustCompile(`^ +Listens +(\S+)$`)
	witnessKey     = regexp.MustCompile(`^ +--witness-key +(\S+)$`)
	witnessSigns   = regexp.MustCompile(`^ +--witness-signs +(\S+)$`)
	witnessRuns    = regexp.MustCompile(`^ +Stop with `)
)

// FitsWitness refuses a data folder that has worked with another witness than it is now
// to have: a witness that knows nothing of a space cannot vouch for it.
func FitsWitness(folder string, own bool) error {
	there := func(name string) bool {
		_, err := os.Stat(filepath.Join(folder, name))
		return !errors.Is(err, fs.ErrNotExist)
	}
	switch {
	case own && there(local.WitnessFile):
		return fmt.Errorf("%s has a witness inside: for --demo-witness, choose another folder with --data", folder)
	case !own && there(witnessName):
		return fmt.Errorf("%s has a sample witness: start it with --demo-witness, or choose another folder with --data", folder)
	}
	return nil
}

// StartWitness runs this program as a witness of a server, and waits until it serves. The
// witness ends with Close, and when this process ends in whatever way.
func StartWitness(ctx context.Context, folder string, server witness.PublicKey, logs io.Writer) (w *Witness, err error) {
	operator, err := local.OperatorKey(folder)
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	w = &Witness{Operator: operator.Public().String()}
	w.program = exec.Command(self, "witness", "serve", "--stop-with-input", "--data", filepath.Join(folder, witnessName), //nolint:gosec,noctx // this program, ended by its input
		"--listen", "127.0.0.1:0", "--client", "demo="+server.String()+"/"+w.Operator)
	w.program.Stderr = logs
	ownGroup(w.program) // Ctrl-C is for the server, which still has to report to it
	if w.input, err = w.program.StdinPipe(); err != nil {
		return nil, err
	}
	says, err := w.program.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := w.program.Start(); err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = w.input.Close() })
	defer stop()
	for lines := bufio.NewScanner(says); lines.Scan(); {
		line := lines.Text()
		for pattern, value := range map[*regexp.Regexp]*string{witnessAddress: &w.Address, witnessKey: &w.Key, witnessSigns: &w.Signs} {
			if m := pattern.FindStringSubmatch(line); m != nil {
				*value = m[1]
			}
		}
		if witnessRuns.MatchString(line) {
			return w, nil
		}
	}
	return nil, errors.Join(errors.New("the sample witness does not start"), w.Close())
}

// Close ends the witness, and waits for it.
func (w *Witness) Close() error {
	_ = w.input.Close() // the end may have come already
	late := time.AfterFunc(30*time.Second, func() { _ = w.program.Process.Kill() })
	defer late.Stop()
	if err := w.program.Wait(); err != nil {
		return fmt.Errorf("sample witness: %w", err)
	}
	return nil
}
