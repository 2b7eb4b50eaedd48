package admin

import (
	"net/rpc"
	"time"

	"reconnect.example/refserver/progress"
)

// Doing is how far a call is that takes long. It names nobody.
type Doing struct {
	What     string // "documents", "accounts", …; "": nothing is being done
	Done, Of int64  // Of is 0 where it is not known
}

// HowFar says how far a call is, by its name: whoever waits for it asks on the same socket.
func (o *Operator) HowFar(call string, out *Doing) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	*out = o.doing[call]
	return nil
}

func (o *Operator) at(call string, d Doing) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.doing[call] = d
}

func (o *Operator) done(call string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.doing, call)
}

// askEvery is how often the server is asked how far it is.
const askEvery = time.Second

// CallLong is a call that may take long; meanwhile far says how far it is. A server that
// cannot say it is waited for in silence.
func CallLong(r *rpc.Client, method string, in, out any, far *progress.Printer) error {
	call := r.Go(method, in, out, make(chan *rpc.Call, 1))
	ask := time.NewTicker(askEvery)
	defer ask.Stop()
	for {
		select {
		case <-call.Done:
			return call.Error
		case <-ask.C:
			var d Doing
			if r.Call("Operator.HowFar", method, &d) == nil {
				far.Say(d.What, d.Done, d.Of)
			}
		}
	}
}
