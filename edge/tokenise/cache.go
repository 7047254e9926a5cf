package tokenise

import (
	"sync"

	"github.com/concord-trust/concord/edge/minimise"
)

// cacheSize is how many tokens are remembered in each of the cache's two
// generations, some 20 MB at most.
const cacheSize = 50_000

// cache remembers tokens of inputs seen lately, within the process only, so
// that infrastructure that stands in many reports is asked for once. It has
// two generations: when the younger is full the elder is forgotten.
type cache struct {
	mu             sync.Mutex
	younger, elder map[minimise.Input]string
}

func (c *cache) get(in minimise.Input) (string, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if token, ok := c.younger[in]; ok {
		return token, true
	}
	token, ok := c.elder[in]
	if ok {
		c.store(in, token) // used: it stays
	}
	return token, ok
}

func (c *cache) put(in minimise.Input, token string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.store(in, token)
}

func (c *cache) store(in minimise.Input, token string) {
	if c.younger == nil || len(c.younger) >= cacheSize {
		c.younger, c.elder = map[minimise.Input]string{}, c.younger
	}
	c.younger[in] = token
}
