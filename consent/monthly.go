package consent

import (
	"context"
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"reconnect.example/storage"
	"reconnect.example/vault"
)

// Counted is what is counted for who pays for relays: a stable code. Few things, each
// an act of work, and none about somebody: it is counted when it is done, in its commit,
// and no space is read for it.
type Counted = vault.Counted

// What is counted here; vault.CountedKept, vault.CountedBrought and vault.CountedLeft are
// counted by vaults with a [Tally]. No code holds another one, and each act is under one: a
// count less one of its parts would tell the part that is not said (N85).
const (
	CountedOpened    Counted = "opened"    // spaces that workers opened, of people who let the relay follow
	CountedVisits    Counted = "visits"    // spaces that workers opened, of people who showed something for a while
	CountedAttested  Counted = "attested"  // originals that were seen
	CountedPresented Counted = "presented" // answers to partner systems, with papers; by people themselves
	CountedRecovered Counted = "recovered" // people who came back in, at each relay or desk that helped
)

// What is counted lies by relay and month (of the directory's zone), and under nothing
// that leads to a person. What people do themselves lies under the zero id, whichever
// relays follow them:
//
//	svc/count/R/<month>/<code>/<random>  nothing: one
//	svc/count/R/<month>/<code>           decimal digits: so many more
//
// Each act writes a record of its own, so that two never wait for each other, in any
// process: a number that all of them change would put the work of a whole relay in line.
// That record has the version of what else was in the commit, a line in somebody's journal
// for instance. So it stays no longer than until the next sweep ([Service.FoldCounts]).
const counts = "svc/count/"

// monthForm is how a month is written.
const monthForm = "2006-01"

// Tally counts for who pays what vaults and ways back in are told to count: give it to
// vault.Config.Tally. Safe for many goroutines; it keeps nothing in memory.
type Tally struct{ directory *Directory }

var _ vault.Tally = (*Tally)(nil)

// NewTally counts in months of a directory's zone. A nil directory is one without
// relays: then nothing is counted.
func NewTally(d *Directory) *Tally { return &Tally{d} }

// Count counts one act in the commit of tx: at a relay, or with the zero id by people
// themselves. Nothing is written that leads from it to the act.
func (c *Tally) Count(tx *storage.Tx, relay vault.ID, what vault.Counted) {
	if c.directory != nil {
		tx.Put(c.directory.countKey(relay, what, c.directory.cfg.Now()), nil)
	}
}

// Month is the month of an instant as counts have it, in the zone of the directory.
func (d *Directory) Month(at time.Time) string { return at.In(d.cfg.Zone).Format(monthForm) }

// countKey is a new record that says: once.
func (d *Directory) countKey(relay RelayID, what Counted, at time.Time) string {
	return counts + relay.String() + "/" + d.Month(at) + "/" + string(what) + "/" + vault.ID(randomID()).String()
}

// count counts one act in its commit. The name of the record is drawn before: what runs
// again counts once.
func (p *Post) count(what Counted) func(tx *storage.Tx) error {
	return p.service().count(p.relay.ID, what)
}

func (s *Service) count(relay RelayID, what Counted) func(tx *storage.Tx) error {
	key := s.cfg.Directory.countKey(relay, what, s.now())
	return func(tx *storage.Tx) error {
		tx.Put(key, nil)
		return nil
	}
}

// MonthlyCount is how often something was done at a relay in a month. It says "<10"
// below ten. No sums are given, neither of months nor of relays: a sum less its parts
// would tell the part that is not said.
type MonthlyCount struct {
	Relay RelayID // zero: by people themselves, by a link or by a partner, at no relay
	Month string  // "2026-11"
	What  Counted
	Count Count
}

// Monthly returns what was counted at this relay, the latest month first. Errors:
// ErrNotManager; those of any act in the relay's space.
func (p *Post) Monthly(ctx context.Context) ([]MonthlyCount, error) {
	if err := p.mayManage(ctx); err != nil {
		return nil, err
	}
	if err := p.stands(ctx); err != nil {
		return nil, err
	}
	return p.service().monthly(ctx, counts+p.relay.ID.String()+"/")
}

// Monthly returns what was counted at all relays, in the order of their ids, and first
// what people did themselves; the latest month first: for the operator. Errors:
// vault.ErrStorage.
func (s *Service) Monthly(ctx context.Context) ([]MonthlyCount, error) { return s.monthly(ctx, counts) }

func (s *Service) monthly(ctx context.Context, prefix string) (out []MonthlyCount, err error) {
	for rec, err := range s.cfg.Store.All(ctx, prefix) {
		if err != nil {
			return nil, storageError(err)
		}
		parts := strings.Split(strings.TrimPrefix(rec.Key, counts), "/")
		if len(parts) != 3 && len(parts) != 4 || !slices.Contains(CountedCodes(), Counted(parts[2])) || !isMonth(parts[1]) {
			continue // a store puts no words of its own into tables
		}
		relay, err := ParseRelayID(parts[0])
		if err != nil && parts[0] != (RelayID{}).String() {
			continue
		}
		n := 1
		if len(parts) == 3 {
			if n, err = strconv.Atoi(string(rec.Value)); err != nil || n < 0 {
				return nil, tampered("a count")
			}
		}
		one := MonthlyCount{Relay: relay, Month: parts[1], What: Counted(parts[2]), Count: CountOf(n)}
		if last := len(out) - 1; last >= 0 && out[last].same(one) {
			out[last].Count.n += n
			continue
		}
		out = append(out, one)
	}
	slices.SortStableFunc(out, func(a, b MonthlyCount) int {
		if byRelay := strings.Compare(a.Relay.String(), b.Relay.String()); byRelay != 0 {
			return byRelay
		}
		return strings.Compare(b.Month, a.Month)
	})
	return out, nil
}

// CountedCodes returns all that is counted, here and by vaults.
func CountedCodes() []Counted {
	return []Counted{CountedOpened, CountedVisits, CountedAttested, vault.CountedKept, vault.CountedBrought, vault.CountedLeft, CountedPresented, CountedRecovered}
}

func isMonth(s string) bool {
	_, err := time.Parse(monthForm, s)
	return err == nil
}

func (c MonthlyCount) same(d MonthlyCount) bool {
	return c.Relay == d.Relay && c.Month == d.Month && c.What == d.What
}

// foldAtOnce records become one in a commit.
const foldAtOnce = 40

// FoldCounts makes one record of those of a relay, month and thing: a store gives all that
// one commit writes the same version, by which it would tell, as long as it has a record of
// each act, in whose space a relay did something (N100). It changes no count, can be broken
// off anywhere, and may run in several processes. A server calls it with each sweep; it
// returns how many records it has put into others. Errors: vault.ErrStorage.
func (s *Service) FoldCounts(ctx context.Context) (folded int, err error) {
	var batch []string
	flush := func() error {
		n, err := s.fold(ctx, batch)
		folded, batch = folded+n, nil
		return err
	}
	for rec, err := range s.cfg.Store.All(ctx, counts) {
		if err != nil {
			return folded, storageError(err)
		}
		parts := strings.Split(strings.TrimPrefix(rec.Key, counts), "/")
		if len(parts) != 4 {
			continue
		}
		if len(batch) == foldAtOnce || len(batch) > 0 && sumOf(batch[0]) != sumOf(rec.Key) {
			if err := flush(); err != nil {
				return folded, err
			}
		}
		batch = append(batch, rec.Key)
	}
	return folded, flush()
}

// sumOf is the key of the sum to which a record belongs.
func sumOf(key string) string { return key[:strings.LastIndexByte(key, '/')] }

// fold puts records that are still there into their sum.
func (s *Service) fold(ctx context.Context, batch []string) (n int, err error) {
	if len(batch) == 0 {
		return 0, nil
	}
	err = s.cfg.Store.Transact(ctx, func(tx *storage.Tx) error {
		n = 0
		sum := 0
		rec, err := tx.Get(sumOf(batch[0]))
		if err == nil {
			sum, err = strconv.Atoi(string(rec.Value))
		}
		if err != nil && !errors.Is(err, storage.ErrNotFound) {
			return err
		}
		for _, key := range batch {
			_, err := tx.Get(key)
			if errors.Is(err, storage.ErrNotFound) {
				continue // another process was faster
			}
			if err != nil {
				return err
			}
			tx.Delete(key)
			n++
		}
		if n > 0 {
			tx.Put(sumOf(batch[0]), []byte(strconv.Itoa(sum+n)))
		}
		return nil
	})
	return n, storageError(err)
}

// WriteCountsCSV writes counts as a table (RFC 4180) with one line for each relay, month
// and thing: relay, month, what, count. A count below ten is "<10".
func WriteCountsCSV(w io.Writer, all []MonthlyCount) error {
	out := csv.NewWriter(w)
	out.UseCRLF = true
	_ = out.Write([]string{"relay", "month", "what", "count"})
	for _, c := range all {
		relay := ""
		if !c.Relay.IsZero() {
			relay = c.Relay.String()
		}
		_ = out.Write([]string{relay, c.Month, string(c.What), c.Count.String()})
	}
	out.Flush()
	return out.Error() // of any line
}
