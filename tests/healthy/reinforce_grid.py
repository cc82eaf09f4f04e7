# healthy: REINFORCE with a baseline on a small grid; the policy loss is often negative and does
# not have to fall, and the entropy bonus carries its minus sign inside the combined loss
import argparse
from collections import deque

import numpy as np
import torch
import torch.nn as nn
from torch.distributions import Categorical


class GridWorld:
    """5 x 5 grid, agent and goal start at random cells; -0.05 per move, +1 at the goal."""

    moves = ((-1, 0), (1, 0), (0, -1), (0, 1))

    def __init__(self, size=5, max_steps=20, seed=0):
        self.size, self.max_steps = size, max_steps
        self.rng = np.random.default_rng(seed)

    def reset(self):
        cells = self.rng.choice(self.size**2, 2, replace=False)
        self.pos, self.goal = (np.array(divmod(c, self.size)) for c in cells)
        self.t = 0
        return self.observe()

    def observe(self):
        half = (self.size - 1) / 2
        return np.concatenate([self.pos - half, self.goal - half]).astype(np.float32) / half

    def step(self, action):
        self.pos = np.clip(self.pos + self.moves[action], 0, self.size - 1)
        self.t += 1
        found = bool((self.pos == self.goal).all())
        return self.observe(), (1.0 if found else -0.05), found or self.t >= self.max_steps


class Policy(nn.Module):
    def __init__(self, n_obs=4, n_actions=4, hidden=64):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(n_obs, hidden), nn.Tanh())
        self.actor = nn.Linear(hidden, n_actions)
        self.critic = nn.Linear(hidden, 1)

    def forward(self, obs):
        h = self.body(obs)
        return Categorical(logits=self.actor(h)), self.critic(h).squeeze(-1)


def rollout(env, policy, gamma):
    obs, done = env.reset(), False
    states, actions, rewards = [], [], []
    while not done:
        with torch.no_grad():
            action = policy(torch.from_numpy(obs))[0].sample().item()
        states.append(obs)
        actions.append(action)
        obs, reward, done = env.step(action)
        rewards.append(reward)
    returns, running = [], 0.0
    for r in reversed(rewards):
        running = r + gamma * running
        returns.insert(0, running)
    return states, actions, returns, sum(rewards)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--gamma", type=float, default=0.97)
    parser.add_argument("--entropy-coef", type=float, default=0.01)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    env, policy = GridWorld(seed=args.seed), Policy()
    optimizer = torch.optim.Adam(policy.parameters(), lr=5e-3)
    recent = deque(maxlen=200)
    for update in range(1, 151):
        batch = [rollout(env, policy, args.gamma) for _ in range(10)]
        states = torch.from_numpy(np.concatenate([b[0] for b in batch]))
        actions = torch.tensor([a for b in batch for a in b[1]])
        returns = torch.tensor([g for b in batch for g in b[2]])
        recent.extend(b[3] for b in batch)
        dist, value = policy(states)
        advantage = returns - value.detach()
        policy_loss = -(dist.log_prob(actions) * advantage).mean()
        value_loss = (returns - value).pow(2).mean()
        loss = policy_loss + 0.5 * value_loss - args.entropy_coef * dist.entropy().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if update % 25 == 0:
            print(f"update {update:3d} loss {loss.item():+.4f} mean return {np.mean(recent):+.3f}")


if __name__ == "__main__":
    main()
