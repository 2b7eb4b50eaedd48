package web

import (
	"bytes"
	"encoding/csv"
	"strconv"
	"strings"

	"reconnect.example/consent"
	"reconnect.example/internal/safename"
)

// monthsShown is how many months the page shows; the table that is downloaded has all.
const monthsShown = 13

type monthlyView struct {
	Relay  relayView
	Months []monthView
}

// monthView is what was counted in a month.
type monthView struct {
	Name  string
	Lines []struct {
		What  string
		Count consent.Count
	}
}

// monthly shows a manager the numbers that the table has.
func (p *pages) monthly(v *visit) error {
	return v.managing(func(post *consent.Post) error {
		all, err := post.Monthly(v.ctx())
		if err != nil {
			return err
		}
		view, last := monthlyView{Relay: v.relay(post.Relay())}, ""
		for _, c := range all {
			if c.Month != last {
				if len(view.Months) == monthsShown {
					break
				}
				last = c.Month
				view.Months = append(view.Months, monthView{Name: v.month(c.Month)})
			}
			m := &view.Months[len(view.Months)-1]
			m.Lines = append(m.Lines, struct {
				What  string
				Count consent.Count
			}{v.t("counted." + string(c.What)), c.Count})
		}
		return v.show("counts", view)
	})
}

// countsCSV is what a manager sends to who pays for the relay: numbers by month, none of
// them below ten, and nothing about anybody.
func (p *pages) countsCSV(v *visit) error {
	return v.managing(func(post *consent.Post) error {
		all, err := post.Monthly(v.ctx())
		if err != nil {
			return err
		}
		out, err := v.countsTable(post.Relay(), all)
		if err != nil {
			return err
		}
		v.w.Header().Set("Content-Type", "text/csv; charset=utf-8")
		v.w.Header().Set("Content-Disposition", safename.Attachment(v.t("counts.file")+".csv"))
		v.w.Header().Set("Content-Length", strconv.Itoa(out.Len()))
		_, err = v.w.Write(out.Bytes())
		return err
	})
}

// countsTable is the table in the words of the page, for who opens it and not for programs:
// those read the API.
func (v *visit) countsTable(relay consent.Relay, all []consent.MonthlyCount) (*bytes.Buffer, error) {
	var out bytes.Buffer
	out.WriteString("\ufeff") // without it spreadsheets take UTF-8 for something else
	name := safename.Line(relay.Name)
	if strings.ContainsRune("=+-@", []rune(name + " ")[0]) {
		name = "'" + name // a spreadsheet runs no name as a formula (G6)
	}
	w := csv.NewWriter(&out)
	w.UseCRLF = true
	_ = w.Write([]string{v.t("counts.relay"), v.t("counts.month"), v.t("counts.what"), v.t("counts.count")})
	for _, c := range all {
		_ = w.Write([]string{name, v.month(c.Month), v.t("counted." + string(c.What)), c.Count.String()})
	}
	w.Flush()
	return &out, w.Error() // of any line
}
