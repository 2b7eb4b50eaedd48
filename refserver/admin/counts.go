package admin

import (
	"io"
	"net/rpc"
	"strings"

	"reconnect.example/consent"
	"reconnect.example/refserver/config"
)

// Table is a table as CSV.
type Table struct{ CSV string }

// Counts answers with what relays did by month, nothing below ten, and nothing about
// anybody. No server with relays: a table without lines.
func (o *Operator) Counts(_ None, out *Table) error {
	var all []consent.MonthlyCount
	if o.data.Staff != nil {
		var err error
		if all, err = o.data.Staff.Monthly(o.ctx); err != nil {
			return err
		}
	}
	var text strings.Builder
	if err := consent.WriteCountsCSV(&text, all); err != nil {
		return err
	}
	out.CSV = text.String()
	return nil
}

func counts(r *rpc.Client, _ config.Admin, out io.Writer) error {
	var t Table
	if err := r.Call("Operator.Counts", None{}, &t); err != nil {
		return err
	}
	_, err := io.WriteString(out, t.CSV)
	return err
}
