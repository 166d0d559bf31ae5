/* In front of pthread_mutex_lock in a collector that check-races has to find a
 * race in: all threads of ours write the number, before the lock. */
#include <pthread.h>

unsigned nx_planted_race;

int __real_pthread_mutex_lock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex);

int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex) {
    nx_planted_race++;
    return __real_pthread_mutex_lock(mutex);
}
