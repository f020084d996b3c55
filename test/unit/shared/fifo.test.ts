import { expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { Fifo } from '../../../shared/fifo.ts';

it('returns the same as an array, for any operations', () => {
  const moves = fc.array(fc.oneof(fc.nat(), fc.constant('shift' as const), fc.constant('clear' as const)));
  fc.assert(
    fc.property(moves, (list) => {
      const fifo = new Fifo<number>();
      const model: number[] = [];
      for (const move of list) {
        if (move === 'shift') expect(fifo.shift()).toBe(model.shift());
        else if (move === 'clear') {
          fifo.clear();
          model.length = 0;
        } else {
          fifo.push(move);
          model.push(move);
        }
        expect(fifo.size).toBe(model.length);
      }
    }),
  );
});
