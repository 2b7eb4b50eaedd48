package storagetest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"reconnect.example/storage"
)

// The history of a few records under random reads and conditional commits. Every
// value that is written is unique, so that a version and its value stand for
// each other and the model needs no versions. "" stands for no record.
const linearKeys = 3

type linearState [linearKeys]string

// linearCall is a read of all records (one page), of one, or a commit.
type linearCall struct {
	key    int // of a read of one; -1 for all
	commit bool
	checks map[int]string
	writes map[int]string
}

type linearAnswer struct {
	values   linearState
	conflict bool
}

var linearModel = porcupine.Model{
	Init: func() any { return linearState{} },
	Step: func(state, input, output any) (bool, any) {
		s, call, answer := state.(linearState), input.(linearCall), output.(linearAnswer)
		switch {
		case !call.commit && call.key < 0:
			return answer.values == s, s
		case !call.commit:
			return answer.values[call.key] == s[call.key], s
		}
		holds := true
		for key, value := range call.checks {
			holds = holds && s[key] == value
		}
		if answer.conflict || !holds {
			return answer.conflict && !holds, s
		}
		for key, value := range call.writes {
			s[key] = value
		}
		return true, s
	},
	DescribeOperation: func(input, output any) string { return fmt.Sprintf("%+v -> %+v", input, output) },
}

func checkLinearizable(t testing.TB, h Harness) {
	for range sized(3, 30) {
		d := h.open(t)
		const clients = 5
		histories := make([][]porcupine.Operation, clients)
		var clock, unique atomic.Int64
		together(t, clients, func(client int) error {
			c := linearClient{t: t, driver: d, unique: &unique, versions: map[string]storage.Version{"": 0}}
			for range 40 {
				call := c.next()
				begun := clock.Add(1)
				answer, err := c.do(call)
				if err != nil {
					return err
				}
				histories[client] = append(histories[client], porcupine.Operation{
					ClientId: client, Input: call, Call: begun, Output: answer, Return: clock.Add(1),
				})
			}
			return nil
		})
		var history []porcupine.Operation
		for _, h := range histories {
			history = append(history, h...)
		}
		result := porcupine.CheckOperationsTimeout(linearModel, history, 20*time.Second)
		require.NotEqual(t, porcupine.Illegal, result, "no order of these operations explains their answers:\n%v", describe(history))
		require.NoError(t, d.Close())
	}
}

// linearClient makes calls from what it has read itself.
type linearClient struct {
	t        testing.TB
	driver   storage.Driver
	unique   *atomic.Int64
	versions map[string]storage.Version // of the values it has seen
	seen     linearState                // last
}

func (c *linearClient) next() linearCall {
	switch rand.IntN(4) {
	case 0:
		return linearCall{key: -1}
	case 1:
		return linearCall{key: rand.IntN(linearKeys)}
	}
	call := linearCall{commit: true, checks: map[int]string{}, writes: map[int]string{}}
	for key := range linearKeys {
		if rand.IntN(2) == 0 {
			call.checks[key] = c.seen[key]
		}
		switch rand.IntN(5) {
		case 0, 1:
			call.writes[key] = fmt.Sprint("v", c.unique.Add(1))
		case 2:
			call.writes[key] = "" // delete
		}
	}
	return call
}

func (c *linearClient) do(call linearCall) (linearAnswer, error) {
	switch {
	case call.commit:
		return c.commit(call)
	case call.key < 0:
		page, err := c.driver.Scan(c.t.Context(), "k", "", linearKeys)
		c.seen = linearState{}
		for _, r := range page {
			c.saw(int(r.Key[1]-'0'), r)
		}
		return linearAnswer{values: c.seen}, err
	}
	r, err := c.driver.Get(c.t.Context(), linearKey(call.key))
	if errors.Is(err, storage.ErrNotFound) {
		r, err = storage.Record{}, nil
	}
	c.saw(call.key, r)
	return linearAnswer{values: c.seen}, err
}

func (c *linearClient) commit(call linearCall) (linearAnswer, error) {
	var checks []storage.Check
	for key, value := range call.checks {
		checks = append(checks, storage.Check{Key: linearKey(key), Version: c.versions[value]})
	}
	var writes []storage.Write
	for key, value := range call.writes {
		writes = append(writes, storage.Write{Key: linearKey(key), Value: []byte(value), Delete: value == ""})
	}
	err := c.driver.Commit(c.t.Context(), checks, writes)
	if errors.Is(err, storage.ErrConflict) {
		return linearAnswer{conflict: true}, nil
	}
	return linearAnswer{}, err
}

func (c *linearClient) saw(key int, r storage.Record) {
	c.seen[key] = string(r.Value)
	c.versions[string(r.Value)] = r.Version
}

func linearKey(key int) string { return fmt.Sprint("k", key) }

func describe(history []porcupine.Operation) string {
	var b strings.Builder
	for _, o := range history {
		fmt.Fprintf(&b, "%4d-%-4d client %d: %s\n", o.Call, o.Return, o.ClientId, linearModel.DescribeOperation(o.Input, o.Output))
	}
	return b.String()
}
