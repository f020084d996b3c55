/** What may happen next, as plain data: a counterexample reads as a story. */
import type { Disruption, JobDeletion } from './cluster.ts';
import type { CacheName } from './process.ts';
import type { Writes } from './scenario.ts';
import type { JobRefusal, Mishap } from './server.ts';
import type { Wish } from './user.ts';
import type { World } from './world.ts';

/** What becomes of a request. */
export type Fault = Exclude<Mishap, { readonly type: 'meanwhile' }>;

/** What needs no controller, and may also happen between two of its requests. */
export type Outside =
  | { readonly type: 'advance' }
  | { readonly type: 'pods run' }
  | { readonly type: 'jobs sync' }
  | { readonly type: 'disrupt'; readonly how: Disruption }
  | { readonly type: 'pass'; readonly seconds: number }
  | { readonly type: 'sync'; readonly cache: CacheName }
  | { readonly type: 'wish'; readonly wish: Wish; readonly bypass: boolean; readonly writes?: Writes }
  | { readonly type: 'delete' }
  | { readonly type: 'delete job'; readonly how: JobDeletion }
  /** Jobs on record that have ended are deleted. */
  | { readonly type: 'clean' }
  /** Somebody lets the suspended Job go on. */
  | { readonly type: 'unsuspend' }
  /** The watch of Jobs breaks, and they are listed anew. */
  | { readonly type: 'relist' }
  /** The creates that were given up arrive. */
  | { readonly type: 'land' }
  /** Why no Job may be created from now on; without one they may again. */
  | { readonly type: 'refusal'; readonly why: JobRefusal | undefined }
  | { readonly type: 'secret' }
  | { readonly type: 'quota'; readonly on: boolean };

export type Move =
  | Outside
  /** All caches, a reconcile, the Jobs: what goes on when nothing is amiss. */
  | { readonly type: 'round' }
  /** It is suspended, stands still for a while, and is let go. */
  | { readonly type: 'rest'; readonly seconds: number }
  /** The next create is given up by the controller, this happens, so many rounds go by, and then it arrives. */
  | { readonly type: 'late create'; readonly meanwhile: Outside; readonly rounds: number }
  | { readonly type: 'hold create' }
  /** It is suspended, and somebody lets its Job go on, again and again, so many seconds later. */
  | { readonly type: 'quarrel'; readonly times: number; readonly seconds: number }
  | { readonly type: 'reconcile' }
  | { readonly type: 'stale reconcile' }
  | { readonly type: 'restart'; readonly stale: boolean }
  | { readonly type: 'mishap'; readonly skip: number; readonly mishap: Fault }
  | { readonly type: 'meanwhile'; readonly skip: number; readonly move: Outside };

export async function make(move: Move, world: World): Promise<void> {
  switch (move.type) {
    case 'round':
      world.process.syncAll();
      await world.reconcile();
      world.advance();
      break;
    case 'rest':
      world.user.change({ field: 'suspend', value: true }, true);
      for (let i = 0; i < 3; i++) await make({ type: 'round' }, world);
      world.nowMs += move.seconds * 1000;
      world.user.change({ field: 'suspend', value: false }, true);
      break;
    case 'quarrel':
      world.user.change({ field: 'suspend', value: true }, true);
      for (let i = 0; i < move.times; i++) {
        await make({ type: 'round' }, world);
        world.unsuspend();
        world.nowMs += move.seconds * 1000;
      }
      break;
    case 'late create':
      world.server.holdsNextCreate = true;
      await make({ type: 'round' }, world);
      await happen(move.meanwhile, world);
      for (let i = 0; i < move.rounds; i++) await make({ type: 'round' }, world);
      await world.server.land();
      break;
    case 'hold create':
      world.server.holdsNextCreate = true;
      break;
    case 'reconcile':
      await world.reconcile();
      break;
    case 'stale reconcile':
      // One that has not heard of the deletion may yet make a Job: the garbage collector's, once the owner is gone.
      if (world.stale !== undefined && !world.isDeleted) await world.reconcile(world.stale);
      break;
    case 'restart':
      world.restart(move.stale);
      break;
    case 'mishap':
      world.server.plan(move.skip, move.mishap);
      break;
    case 'meanwhile':
      world.server.plan(move.skip, { type: 'meanwhile', happens: () => happen(move.move, world) });
      break;
    default:
      await happen(move, world);
  }
  world.check();
}

async function happen(move: Outside, world: World): Promise<void> {
  switch (move.type) {
    case 'advance':
      world.advance();
      break;
    case 'pods run':
      world.advance('pods');
      break;
    case 'jobs sync':
      world.advance('jobs');
      break;
    case 'disrupt':
      world.disrupt(move.how);
      break;
    case 'pass':
      world.nowMs += move.seconds * 1000;
      break;
    case 'sync':
      world.process.sync(move.cache);
      break;
    case 'wish':
      world.user.change(move.wish, move.bypass, move.writes);
      break;
    case 'delete':
      world.delete();
      break;
    case 'delete job':
      world.deleteRunningJob(move.how);
      break;
    case 'clean':
      world.clean();
      break;
    case 'unsuspend':
      world.unsuspend();
      break;
    case 'relist':
      world.process.relist();
      break;
    case 'land':
      await world.server.land();
      break;
    case 'refusal':
      world.server.refusal = move.why;
      break;
    case 'secret':
      world.makeSecret();
      break;
    case 'quota':
      world.cluster.quota = move.on;
      break;
  }
}
