/* A step of the resolver's own clock (nxclear-estimator(7) 5.3): it moves what
 * is left of all its entries at once, so their lines break off together and go
 * on, shifted by the same amount. */
#ifndef NX_COLLECTOR_CLOCKSTEP_H
#define NX_COLLECTOR_CLOCKSTEP_H

#include "collector/infer/lines.h"

/* Finds lines of several caches that all ended at one look, alive, and others
 * that began there, each one of the former moved by the same step of more than
 * a second. Takes the former out of the set: they restarted. False when there
 * was no step; fewer than two lines prove none. */
bool nx_step_restart(const struct nx_look *looks, struct nx_line_set *set);

#endif
