package api

import (
	"context"
	"encoding/hex"
	"net/http"

	"reconnect.example/consent"
)

// MonthlyCount is how often something was done at a relay in a month.
type MonthlyCount struct {
	Month string `json:"month" doc:"Year and month, in the zone of the directory." example:"2026-11"`
	What  string `json:"what" doc:"opened: spaces that workers opened, of people whom the relay follows. visits: of people who showed something for a while. attested: originals that were seen. kept: papers that were added. brought: papers that came in with an import. left: papers and messages that were left in an inbox. recovered: people who came back in with its help. No code holds another one. New ones may come."`
	Count string `json:"count" doc:"A number from ten on, or \"<10\"." example:"<10"`
}

type monthlyOutput struct {
	Body struct {
		Counts []MonthlyCount `json:"counts" nullable:"false" doc:"The latest month first. No sums: a sum less its parts would tell the part that is not said."`
		Next
	}
}

func listMonthly(ctx context.Context, p *consent.Post, in *pageAtRelay) (*monthlyOutput, error) {
	all, err := p.Monthly(ctx)
	if err != nil {
		return nil, err
	}
	out := &monthlyOutput{}
	all, out.Body.Next = page(in.Paged, all, latestMonth)
	out.Body.Counts = make([]MonthlyCount, 0, len(all))
	for _, c := range all {
		out.Body.Counts = append(out.Body.Counts, MonthlyCount{Month: c.Month, What: string(c.What), Count: c.Count.String()})
	}
	return out, nil
}

// latestMonth is the key of a count that puts the latest month first.
func latestMonth(c consent.MonthlyCount) string {
	month := []byte(c.Month)
	for i := range month {
		month[i] = ^month[i]
	}
	return hex.EncodeToString(month) + "-" + string(c.What)
}

func (a *API) addMonthly() {
	registerPost(a, operation{
		method: http.MethodGet, path: "/staff/relays/{relay}/monthly-counts", id: "list-monthly-counts", tag: "Team", summary: "What was counted, for who pays",
		description: "By month, below ten only \"<10\". Nothing about anybody.",
		problems:    []string{"not-manager"},
	}, listMonthly)
}
