package admin

import (
	"fmt"
	"io"
	"net/rpc"

	"reconnect.example/refserver/progress"
	"reconnect.example/vault"
)

// Told counts what the witness was told again.
type Told struct {
	Vaults, Erased, Ahead, Failed int
	Problem                       string // of those that failed; it names at most ten vaults, and nobody
}

// TellWitness tells the witness again of every vault that the store has.
func (o *Operator) TellWitness(_ None, out *Told) error {
	const call = "Operator.TellWitness"
	defer o.done(call)
	t, err := o.data.TellWitnessAgain(o.ctx, func(t vault.ToldAgain) { o.at(call, Doing{What: "accounts", Done: int64(t.Vaults)}) })
	if err != nil && t.Failed == 0 {
		return err
	}
	*out = Told{Vaults: t.Vaults, Erased: t.Erased, Ahead: t.Ahead, Failed: t.Failed}
	if err != nil {
		out.Problem = err.Error()
	}
	return nil
}

func tellWitness(r *rpc.Client, out io.Writer, far *progress.Printer) error {
	var t Told
	if err := CallLong(r, "Operator.TellWitness", None{}, &t, far); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(out, "The witness was told of %d vaults, %d of them erased. It knew later heads of %d, which stay closed with \"stale\" as before.\n", t.Vaults, t.Erased, t.Ahead); err != nil {
		return err
	}
	if t.Failed > 0 {
		return fmt.Errorf("%d vaults are left for the next time: %s", t.Failed, t.Problem)
	}
	return nil
}
