package store_test

import (
	"testing"

	"github.com/concord-trust/concord/store/storetest"
)

func TestConsolidated(t *testing.T) { storetest.Consolidated(t, openHub) }

func TestConsolidationSurvivesAKillAtEachFailpoint(t *testing.T) {
	storetest.ConsolidationKilled(t, openHub)
}
